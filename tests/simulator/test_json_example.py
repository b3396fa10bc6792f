from typing import Any

import pytest

from addons.simulator.json_example import example

LIST = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["next"],
        }
    },
    "$ref": "#/$defs/node",
}
TREE = {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#"}}}, "required": ["below"]}


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((depth(item) for item in inner), default=0)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "simulated"),
        ({"type": "string", "minLength": 12}, "simulated..."),
        ({"type": "string", "maxLength": 3}, "sim"),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 4.5}, 5),
        ({"type": "integer", "exclusiveMinimum": 4}, 5),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "integer", "exclusiveMaximum": -2}, -3),
        ({"type": "number"}, 1.0),
        ({"type": "number", "minimum": 0.25}, 0.25),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, 0.5),
        ({"type": ["integer", "null"]}, 1),
        ({"enum": ["red", "blue"]}, "red"),
        ({"const": 7}, 7),
        ({"type": "array", "items": {"type": "null"}}, [None]),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 0}, []),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        ({"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"const": {"b": 2}}]}, {"a": "simulated", "b": 2}),
        ({"properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}, {"a": 1}),
        ({"type": "object"}, {}),
        ({"$defs": {"a/b": {"type": "null"}}, "$ref": "#/$defs/a~1b"}, None),
    ],
)
def test_example(schema: Any, value: Any) -> None:
    found = example(schema)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("schema", [LIST, TREE])
def test_recursion_ends(schema: Any) -> None:
    assert 3 < depth(example(schema)) < 20


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"$ref": "#/$defs/none"}, "has no #/"),
        ({"$ref": "#"}, "no finite value"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "no finite value"),
        ({"type": "quark"}, "unknown type 'quark'"),
    ],
)
def test_what_has_no_example(schema: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        example(schema)
