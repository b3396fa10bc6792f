"""A small JSON value that fits a JSON Schema, as far as OpenAI's structured outputs allow schemas to go."""

from collections.abc import Callable, Mapping
from typing import Any, Final

_DEEPEST = 6  # recursive schemas end here, by null or an empty array

_FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "PT1S",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example(schema: Any) -> Any:
    """A value valid for ``schema``: required properties alone, the first of any alternatives.

    Knows ``$ref`` within the schema, ``const``, ``enum``, ``anyOf``, ``oneOf``, ``allOf``, types, string formats and
    lengths, number and array bounds. ``pattern`` and ``multipleOf`` are not looked at.

    Raises:
        ValueError: a ``$ref`` leads nowhere, or the schema asks for a value of endless depth.
    """
    return _value(schema, schema, 0)


def _value(schema: Any, root: Any, depth: int) -> Any:
    if depth > _DEEPEST * 8:
        raise ValueError("the JSON schema has no finite value")
    if not isinstance(schema, dict):
        return {}  # true, or no schema: anything fits
    if "$ref" in schema:
        return _value(_target(schema["$ref"], root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            return _value(_chosen(schema[choice], depth), root, depth + 1)
    if schema.get("allOf"):
        return _merged([_value(part, root, depth + 1) for part in schema["allOf"]])
    return _TYPES[_type(schema, depth)](schema, root, depth)


def _target(reference: str, root: Any) -> Any:
    target = root
    for step in reference.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(target, dict) or key not in target:
            raise ValueError(f"the JSON schema has no {reference}")
        target = target[key]
    return target


def _chosen(options: list[Any], depth: int) -> Any:
    null = {"type": "null"}
    return null if depth > _DEEPEST and null in options else options[0]


def _type(schema: dict[str, Any], depth: int) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = "null" if depth > _DEEPEST and "null" in kind else kind[0]
    if kind not in _TYPES:
        raise ValueError(f"the JSON schema has an unknown type {kind!r}")
    return str(kind)


def _merged(values: list[Any]) -> Any:
    if all(isinstance(value, dict) for value in values):
        return {name: value for part in values for name, value in part.items()}
    return values[0]


def _object(schema: dict[str, Any], root: Any, depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    return {name: _value(properties.get(name), root, depth + 1) for name in schema.get("required") or ()}


def _array(schema: dict[str, Any], root: Any, depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    count = least if depth > _DEEPEST else max(1, least)
    return [_value(schema.get("items"), root, depth + 1) for _ in range(min(count, schema.get("maxItems", count)))]


def _string(schema: dict[str, Any], _root: Any, _depth: int) -> str:
    text = _FORMATS.get(schema.get("format", ""), "simulated")
    return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _integer(schema: dict[str, Any], _root: Any, _depth: int) -> int:
    if "minimum" in schema:
        return int(-(-schema["minimum"] // 1))
    if "exclusiveMinimum" in schema:
        return int(schema["exclusiveMinimum"] // 1 + 1)
    if "exclusiveMaximum" in schema:
        return int(min(1, -(-schema["exclusiveMaximum"] // 1) - 1))
    return int(min(1, schema.get("maximum", 1) // 1))


def _number(schema: dict[str, Any], root: Any, depth: int) -> float:
    low, high = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum", schema.get("maximum"))
    if low is not None and high is not None:
        return float((low + high) / 2)
    if "minimum" in schema:
        return float(schema["minimum"])
    return _integer(schema, root, depth) if low is not None else float(_integer(schema, root, depth))


_TYPES: Final[Mapping[str, Callable[[dict[str, Any], Any, int], Any]]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda _schema, _root, _depth: True,
    "null": lambda _schema, _root, _depth: None,
}
