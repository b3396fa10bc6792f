"""Foundry's paths: those that are served here, and the one spelling in which others are judged and passed on.

Two parsers must not read one path in two ways, or what was judged here would be something else there. So a path
that may be read in two ways is refused rather than repaired.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from addons.foundry.refusals import Refusal

BASE: Final = "/api/v2/llm/proxy/openai/v1"
PATH: Final = f"{BASE}/responses"

SERVED: Final = frozenset({PATH, f"{BASE}/chat/completions", f"{BASE}/embeddings", f"{BASE}/models"})
"""The gate ``route`` has a row for each."""

DISGUISES: Final = re.compile(r"%2f|%5c|%2e|%00|;|\\|(?:^|/)\.{1,2}(?:/|$)", re.IGNORECASE)
"""Spellings that two parsers may read as two different paths."""

_PLAIN: Final = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%(?![01]|25|7[Ff])[0-9A-Fa-f]{2})*")
"""RFC 3986's path, without parameters, encoded controls, and ``%25``, which a second decoding would read anew."""

_ENCODED: Final = re.compile("%[0-9A-Fa-f]{2}")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9\-._~]")

_SLASHES: Final = re.compile("/{2,}")

_QUERY: Final = re.compile(r"[!-~]*")  # visible ASCII

MODELS: Final = re.compile(r"/api/[^/]*/llm(?:/|$)")
"""Foundry's proxy to models, of any version of its API: served here or refused here, never passed on."""
_TRIMMED: Final = re.compile("[^a-z0-9/]+")
"""What a server may take off a segment before it looks for its name: blanks, marks, dots, whatever nobody sees."""


def plain_path(path: str) -> str:
    """Repeated slashes as one, and one trailing slash gone: Palantir's own sample sends ``//api/…``."""
    return _SLASHES.sub("/", path).removesuffix("/")


def normal_path(path: str) -> str:
    """RFC 3986 §6.2.2: unreserved characters decoded, escapes in upper case; and repeated slashes as one.

    Raises:
        Refusal: ``bad_target`` for a path that may be read in two ways, ``not_found`` for one to models.
    """
    if DISGUISES.search(path) or not _PLAIN.fullmatch(path):
        raise _ambiguous()
    normal = _SLASHES.sub("/", _ENCODED.sub(_decoded, path))
    try:
        meant = unicodedata.normalize("NFKD", unquote(normal, errors="strict")).casefold()
    except UnicodeDecodeError:
        raise _ambiguous() from None
    if DISGUISES.search(meant):
        raise _ambiguous()
    if MODELS.match(_SLASHES.sub("/", _TRIMMED.sub("", meant))):
        raise Refusal("not_found", detail="path to models, which is never passed on")
    return normal


def plain_query(query: str) -> str:
    """The query as it came.

    Raises:
        Refusal: ``bad_target``, where it holds what no query may.
    """
    if "#" in query or not _QUERY.fullmatch(query):
        raise Refusal("bad_target", "The query of the request holds characters that must be encoded.")
    return query


def _ambiguous() -> Refusal:
    return Refusal(
        "bad_target",
        "The request path can be read in more than one way, by encoded slashes, dots or percent signs, parameters or"
        " characters that no path may hold; send it plainly.",
    )


def _decoded(escape: re.Match[str]) -> str:
    character = chr(int(escape[0][1:], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0].upper()
