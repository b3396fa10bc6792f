"""Bodies in every spelling: read as one JSON object, and changed without touching the other bytes."""

import json
import tracemalloc
from collections.abc import Mapping
from typing import Any

import jiter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.apis.policy_settings import PolicySettings
from addons.bodies.splice import MAX_DEPTH, MAX_MEMBERS, read, splice
from addons.bodies.verdict import ABSENT, Absent, Thinned
from addons.foundry.models import Model
from addons.foundry.refusals import Refusal
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)


def nested(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def of_members(number: int) -> bytes:
    return json.dumps({str(each): each for each in range(number)}).encode()


def mixed(levels: int) -> bytes:
    """Objects and lists by turns."""
    value = b'"x"'
    for level in reversed(range(levels)):
        value = b"[" + value + b"]" if level % 2 else b'{"a":' + value + b"}"
    return value


# -- read


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "line 1, column 0"),
        (b"  ", "EOF"),
        (b"[1]", "a list"),
        (b'"secret"', "a string"),
        (b"3", "a number"),
        (b"3.5", "a number"),
        (b"true", "a boolean"),
        (b"null", "null"),
        (b'{"a":1', "EOF"),
        (b'{"a":1} x', "trailing characters (line 1, column 9)"),
        (b'{\n"a" 1}', "line 2, column"),
        (b'{"a":1,}', "trailing comma"),
        (b'{"secret":1,"secret":2}', "same key twice (line 1"),
        (b'{"a":{"se\\u0063ret":1,"secret":2}}', "same key twice (line 1"),
        (b'{"secret at line 1 column 2":1,"secret at line 1 column 2":2}', "same key twice (line 1, column 60"),
        (b'{"secret\\n":1,"secret\\n":2}', "same key twice (line 1"),
        (b'{"a":NaN}', "expected value"),
        (b'{"a":Infinity}', "expected value"),
        (b'{"a":-Infinity}', "invalid number"),
        (b'{"a":"\xff"}', "unicode"),
        (b'{"a":"\xed\xa0\x80"}', "unicode"),
        (b'{"a":"\\ud800"}', "half of a surrogate pair"),
        (b'{"a":"\\ud800\\u0041"}', "half of a surrogate pair"),
        (b'\xef\xbb\xbf{"a":1}', "line 1, column 1"),
        (b'{"a":01}', "invalid number"),
        (b'{"a":"\x01"}', "control character"),
        (nested(MAX_DEPTH + 1), "deeper than 64"),
        (of_members(MAX_MEMBERS + 1), "more than 32,768 members"),
        (b'{"a":[' + of_members(MAX_MEMBERS + 1) + b"]}", "more than 32,768 members"),
        (mixed(MAX_DEPTH + 1), "deeper than 64"),
        (b'{"b":1,"a":[1,[],' + mixed(MAX_DEPTH - 1) + b"]}", "deeper than 64"),
        (nested(1000), "recursion limit"),
    ],
)
def test_refused(body: bytes, said: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(body)
    assert caught.value.name == "invalid_json"
    assert said in caught.value.message
    assert "secret" not in caught.value.message


def test_the_place_is_given_apart_from_the_sentence() -> None:
    with pytest.raises(Refusal) as caught:
        read(b'{"a":\n1,,}')
    assert caught.value.parameters == {"line": "2", "column": "3"}


def test_what_the_parser_names_no_place_of_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object, **__: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr("addons.bodies.splice.jiter.from_json", parse)
    with pytest.raises(Refusal) as caught:
        read(b"{}")
    assert (caught.value.name, caught.value.message) == ("invalid_json", "The request body is not valid JSON.")


def test_read_keeps_what_python_would_keep() -> None:
    body = b' {"a":[1,-0.5,1e3,null,true],"\\u00e9":{"b":"\\ud83d\\ude00/\\/"},"n":123456789012345678901234567890}\n'
    assert read(body) == json.loads(body)
    for body in (nested(MAX_DEPTH), mixed(MAX_DEPTH)):
        assert read(body) == json.loads(body)


def test_nothing_is_kept_in_the_process_wide_cache() -> None:
    jiter.cache_clear()
    read(b'{"input":"some prompt","list":["of","words"]}')
    assert jiter.cache_usage() == 0


# -- splice


def whole(body: bytes, document: dict[str, Any], members: Mapping[str, Any]) -> bytes:
    """The pieces put together."""
    return b"".join(splice(body, document, members))


@pytest.mark.parametrize(
    ("body", "members", "expected"),
    [
        # nothing to do
        (b' { "a" : 1 } ', {}, b' { "a" : 1 } '),
        (b"{ }", {"b": ABSENT}, b"{ }"),
        (b'{"a":1}', {"b": ABSENT}, b'{"a":1}'),
        # appended
        (b"{}", {"b": 2}, b'{"b":2}'),
        (b" { \n } ", {"b": 2}, b' {"b":2} '),
        (b'{"a":1}', {"b": {"c": [1, "\u00e9"]}}, '{"a":1,"b":{"c":[1,"\u00e9"]}}'.encode()),
        (b'{"a":1}', {"b": 2, 'c"\n': None}, b'{"a":1,"b":2,"c\\"\\n":null}'),
        # replaced: key, place and white space stay
        (b'{ "a" : 1.50 , "b" : 2 }', {"a": False}, b'{ "a" : false , "b" : 2 }'),
        (b'{"\\u0061":1,"b":1E+2}', {"a": 3}, b'{"\\u0061":3,"b":1E+2}'),
        # taken out, with exactly one comma
        (b'{"a":1,"b":2,"c":3}', {"a": ABSENT}, b'{"b":2,"c":3}'),
        (b'{"a":1,"b":2,"c":3}', {"b": ABSENT}, b'{"a":1,"c":3}'),
        (b'{"a":1,"b":2,"c":3}', {"c": ABSENT}, b'{"a":1,"b":2}'),
        (b'{"a":1,"b":2,"c":3}', {"a": ABSENT, "b": ABSENT}, b'{"c":3}'),
        (b'{"a":1,"b":2,"c":3}', {"b": ABSENT, "c": ABSENT}, b'{"a":1}'),
        (b'{"a":1,"b":2}', {"a": ABSENT, "b": ABSENT}, b"{}"),
        (b'{\n "a":1\n}\n', {"a": ABSENT}, b"{}\n"),
        (b'{\n "a":1\n}\n', {"a": ABSENT, "b": 2}, b'{"b":2}\n'),
        # delimiters inside strings and values are not delimiters
        (b'{"a":"}\\",{","b,}":[{"x":","}],"c":{}}', {"c": 1}, b'{"a":"}\\",{","b,}":[{"x":","}],"c":1}'),
        (b'{"\\\\":1,"\\"":2,"":3}', {'"': ABSENT, "": 4}, b'{"\\\\":1,"":4}'),
    ],
)
def test_splice(body: bytes, members: dict[str, Any], expected: bytes) -> None:
    assert whole(body, read(body), members) == expected


@pytest.mark.parametrize(
    ("body", "kept", "expected"),
    [
        (b'{"a":[1.50 , 2.50]}', [0], b'{"a":[1.50 ]}'),
        (b'{"a":[ 1.50, 2.50]}', [1], b'{"a":[ 2.50]}'),
        (b'{"a":[ 1.50 , 2.50 ] }', [0, 1], b'{"a":[ 1.50 , 2.50 ] }'),
        (b'{"a":[ 1.50, 2.50 ] }', [], b'{"a":[] }'),
        (b'{"a":[ ] }', [], b'{"a":[ ] }'),
    ],
)
def test_elements_of_a_list_that_stay_keep_their_bytes(body: bytes, kept: list[int], expected: bytes) -> None:
    document = read(body)
    assert whole(body, document, {"a": Thinned((place, document["a"][place]) for place in kept)}) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b'{"a":1', b'{"a":1,"a":22}', b'{"a":1,"a":2}', b'{"a":"x","b":1,"a":"x"}',
        # the length of the last "a", behind the first, leads to another key, and that of "b" from there to the end
        b'{"a":1,"b":{"x":1,"KKKKKKK":2},"a":123456789012}',
    ],
)  # fmt: skip
def test_splice_raises_on_what_read_would_refuse(body: bytes) -> None:
    with pytest.raises(ValueError):
        whole(body, {}, {"c": 1})


def test_a_number_that_cannot_be_written_again_is_refused() -> None:
    body = b'{"tools":[{"maximum":1e999}],"b":1}'
    assert whole(body, read(body), {"b": 2}) == b'{"tools":[{"maximum":1e999}],"b":2}'
    with pytest.raises(Refusal, match="'tools' is too large") as caught:
        whole(body, read(body), {"tools": [{"maximum": float("inf")}]})
    assert caught.value.param == "tools"


ODD = '{ "type":"function", "name" : "f", "parameters":{"a":1.0000000000000000001,"b":0.10,"c":1e400,"d":"\\u00e9"} }'


@pytest.mark.parametrize(
    ("sent", "left", "settings"),
    [
        pytest.param(
            '{"tools": [ {"type":"web_search"} , ODD ,{"type": "web_search"}], "store":false}',
            '{"tools": [ ODD ], "store":false}',
            {"web_search": "strip"},
            id="siblings of what was stripped",
        ),
        pytest.param(
            '{"tools": [ODD, { "type" : "web_search", "filters": {"allowed_domains": ["\\u0061"]} } ] ,"store":false}',
            '{"tools": [ODD, { "type" : "web_search", "filters": {"allowed_domains": ["\\u0061"]} '
            ',"external_web_access":false} ] ,"store":false}',
            {"web_search": "cache_only"},
            id="siblings and members of what was forced",
        ),
        pytest.param(
            '{"tools": [{"type": "namespace", "name": "n", "tools": [ODD, {"type":"web_search"}]}], "store":false}',
            '{"tools": [{"type": "namespace", "name": "n", "tools": [ODD]}], "store":false}',
            {"web_search": "strip"},
            id="at any depth",
        ),
        pytest.param(
            '{"store":false,"input":[{"type":"web_search_call","id":"w","status":"failed"},'
            '{"role":"user","content":"\\u00e9"},'
            '{"type":"function_call_output", "id" : "o", "call_id":"c","output":""}]}',
            '{"store":false,"input":['
            '{"role":"user","content":"\\u00e9"},{"type":"function_call_output", "call_id":"c","output":""}]}',
            {"web_search": "strip"},
            id="one taken out, one changed",
        ),
        pytest.param(
            '{"store":false,"tools":[{"type":"web_search"},ODD],"tool_choice":{"type":"allowed_tools", "mode":"auto",'
            '"tools":[{"type":"web_search"}, {"type": "function" ,"name":"\\u0066"}]}}',
            '{"store":false,"tools":[ODD],"tool_choice":{"type":"allowed_tools", "mode":"auto",'
            '"tools":[ {"type": "function" ,"name":"\\u0066"}]}}',
            {"web_search": "strip"},
            id="a choice",
        ),
        pytest.param(
            '{"store":false,"tools":[{"type":"namespace","name":"n","description":"","tools":[{"type":"web_search"}]},ODD],'
            '"tool_choice":{"type":"allowed_tools","mode":"auto",'
            '"tools":[{"type":"web_search"},{"type":"namespace","name":"n"}, {"type": "function" ,"name":"\\u0066"}]}}',
            '{"store":false,"tools":[ODD],"tool_choice":{"type":"allowed_tools","mode":"auto",'
            '"tools":[ {"type": "function" ,"name":"\\u0066"}]}}',
            {"web_search": "strip"},
            id="a choice, of which a tool and a group go",
        ),
    ],
)
def test_what_did_not_change_keeps_its_bytes_at_any_depth(sent: str, left: str, settings: dict[str, Any]) -> None:
    body = sent.replace("ODD", ODD).encode()
    document = read(body)
    decided = judge(document, MODEL, PolicySettings.model_validate(settings))
    assert decided.refused == ()
    assert whole(body, document, decided.members).decode() == left.replace("ODD", ODD)


@st.composite
def _thinned(draw: st.DrawFn, value: Any) -> Any:
    """A value as the walk may leave it: elements and members changed or taken out at any depth."""
    if isinstance(value, list) and draw(st.booleans()):
        kept = [(place, draw(_thinned(inner))) for place, inner in enumerate(value) if draw(st.booleans())]
        return Thinned(kept)
    if isinstance(value, dict) and draw(st.booleans()):
        kept_members = {name: draw(_thinned(inner)) for name, inner in value.items() if draw(st.booleans())}
        return kept_members | draw(st.dictionaries(_names, _values, max_size=1))
    return value


@given(st.data())
def test_any_change_at_any_depth_is_what_is_read_again(data: st.DataObject) -> None:
    body = data.draw(_spelled(data.draw(st.dictionaries(_names, _values, max_size=4)))).encode()
    document = read(body)
    members = {name: data.draw(_thinned(value)) for name, value in document.items()}
    spliced = whole(body, document, members)
    assert read(spliced) == {**document, **members}
    if all(members[name] is document[name] for name in document):
        assert spliced == body


def test_a_large_member_is_neither_parsed_nor_copied() -> None:
    body = b'{"input":"' + b"x" * 20_000_000 + b'","store":true}'
    document = read(body)
    tracemalloc.start()
    try:
        pieces = splice(body, document, {"store": False})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert b"".join(pieces) == body[: -len(b"true}")] + b"false}"
    assert peak < 0.1 * len(body)


# Random objects in random spellings: each member is (name, spelling of the name, value, spelling of the value).

_space = st.text(" \t\r\n", max_size=3)
_names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def _spelled(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, str):
        return '"' + "".join(draw(_spelled_character(c)) for c in value) + '"'
    if isinstance(value, dict):
        items = [f"{draw(_spelled(k))}{draw(_space)}:{draw(_space)}{draw(_spelled(v))}" for k, v in value.items()]
        return "{" + draw(_space) + f"{draw(_space)},{draw(_space)}".join(items) + draw(_space) + "}"
    if isinstance(value, list):
        return "[" + draw(_space) + f"{draw(_space)},".join(draw(_spelled(v)) for v in value) + draw(_space) + "]"
    if isinstance(value, float):
        return draw(st.sampled_from([repr(value), f"{value:.20e}", f"{value:.20E}"]))
    return json.dumps(value)


def _spelled_character(character: str) -> st.SearchStrategy[str]:
    escaped = json.dumps(character)[1:-1]
    units = character.encode("utf-16-be")
    spellings = [escaped, "".join(f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2))]
    if character >= " " and character not in '"\\':
        spellings.append(character)
    if character == "/":
        spellings.append("\\/")
    return st.sampled_from(spellings)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[bytes, dict[str, bytes], dict[str, Any]]:
    """A body, the bytes each of its members is spelled in, and members to splice in."""
    names = draw(st.lists(_names, unique=True, max_size=5))
    spellings = [
        f"{draw(_space)}{draw(_spelled(name))}{draw(_space)}:{draw(_space)}{draw(_spelled(draw(_values)))}{draw(_space)}"
        for name in names
    ]
    body = f"{draw(_space)}{{{','.join(spellings) if spellings else draw(_space)}}}{draw(_space)}"
    changed = draw(st.lists(st.sampled_from(names) | _names if names else _names, unique=True, max_size=4))
    members = {name: draw(st.just(ABSENT) | _values) for name in changed}
    return body.encode(), dict(zip(names, (s.encode() for s in spellings), strict=True)), members


@given(_cases())
def test_splice_changes_the_members_named_and_no_other_byte(
    case: tuple[bytes, dict[str, bytes], dict[str, Any]],
) -> None:
    body, spellings, members = case
    spliced = whole(body, read(body), members)

    expected = read(body) | members
    expected = {name: value for name, value in expected.items() if not isinstance(value, Absent)}
    assert read(spliced) == expected
    assert list(read(spliced)) == list(expected)

    untouched = [spelling for name, spelling in spellings.items() if name not in members]
    position = 0
    for spelling in untouched:
        position = spliced.index(spelling, position) + len(spelling)
    assert splice(body, read(body), {})[0] is body
