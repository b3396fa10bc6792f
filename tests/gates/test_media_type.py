import pytest

from addons.gates.media_type import DeclaredBody
from tests.gates.calls import call, refused_by, through

GATE = DeclaredBody(1000)
JSON = ("application/json",)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": JSON},
        {"content-type": ("Application/JSON",)},
        {"content-type": ("application/json; charset=utf-8",)},
        {"content-type": ('application/json;charset="UTF-8"',)},
        {"content-type": ("application/json; charset=utf8",)},
        {"content-type": (r'application/json; charset="utf\-8"',)},
        {"content-type": ("application/json; charset=utf-8; charset=UTF8",)},
        {"content-type": ("application/json; profile=x; version=1",)},
        {"content-type": (r'application/json; q="a \"b; charset=latin-1\""',)},
        {"content-type": ("application/json\t;\tcharset=utf-8 ",)},
        {"content-type": ("application/json;",)},
        {"content-type": ("application/json; ; charset=utf-8;",)},
        {"content-type": JSON, "content-length": ("1000",)},
        {"content-type": JSON, "content-length": ("none",)},  # mitmproxy's to refuse
        *(
            {"content-type": JSON, "content-encoding": (coding,)}
            for coding in ("gzip", "deflate", "br", "zstd", "GZip", "x-gzip", ", gzip ,", "")
        ),
        {"content-type": JSON, "content-encoding": ("identity",)},
    ],
)
def test_let_through(headers: dict[str, tuple[str, ...]]) -> None:
    through(GATE, call(headers))


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({}, "unsupported_media_type"),
        ({"content-type": ("text/plain",)}, "unsupported_media_type"),
        ({"content-type": ("application/jsonp",)}, "unsupported_media_type"),
        ({"content-type": ("application/json; charset=latin-1",)}, "unsupported_media_type"),
        ({"content-type": ("application/json; charset=utf-8; charset=latin-1",)}, "unsupported_media_type"),
        ({"content-type": ('application/json; charset="latin-1"',)}, "unsupported_media_type"),
        ({"content-type": ("application/json; charset=utf-16",)}, "unsupported_media_type"),
        ({"content-type": ("application/json; charset=",)}, "unsupported_media_type"),
        ({"content-type": ("application/json; charset = utf-8",)}, "unsupported_media_type"),
        ({"content-type": ('application/json; charset="utf-8',)}, "unsupported_media_type"),
        ({"content-type": ("application/json charset=utf-8",)}, "unsupported_media_type"),
        ({"content-type": ("application/json; a=b c",)}, "unsupported_media_type"),
        ({"content-type": ("application/json; " + "a=b;" * 20_000 + '"',)}, "unsupported_media_type"),
        ({"content-type": ("application/json, text/plain",)}, "unsupported_media_type"),
        ({"content-type": (*JSON, *JSON)}, "unsupported_media_type"),
        ({"content-type": JSON, "content-encoding": ("compress",)}, "unsupported_media_type"),
        ({"content-type": JSON, "content-encoding": ("gzip, br",)}, "unsupported_media_type"),
        ({"content-type": JSON, "content-encoding": ("gzip", "br")}, "unsupported_media_type"),
        ({"content-type": JSON, "content-length": ("1001",)}, "too_large"),
    ],
)
def test_refused(headers: dict[str, tuple[str, ...]], refusal: str) -> None:
    assert refused_by(GATE, call(headers)).name == refusal


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"content-type": ("application/json; charset=latin-1",)}, "charset"),
        ({"content-type": JSON, "content-encoding": ("x-compress",)}, "one of identity, gzip, deflate, br, zstd"),
        ({"content-type": JSON, "content-encoding": ("gzip, gzip",)}, "one alone"),
    ],
)
def test_what_is_wrong_is_said(headers: dict[str, tuple[str, ...]], says: str) -> None:
    assert says in refused_by(GATE, call(headers)).message
