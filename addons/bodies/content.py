"""The places where files and URLs stand in any API's bodies (docs/contract.md#files-and-urls).

Content must be in the body itself: as text, as a ``data:`` URL, or as base64.
"""

import re
from typing import Final

from addons.bodies.rows import STRING, Members, Values, allowed, configurable, refused, sourced
from addons.bodies.sources import FETCHED, KEPT_ENDPOINTS, PART_TYPES, RETENTION

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=_\-\r\n]*")
_HEAD: Final = 64  # characters that tell what a long string is
_LONGEST_SCHEME: Final = 12  # characters of a scheme that a message names; what is longer is hardly one


def _url_scheme(text: str) -> str:
    """``data``, ``http``, or ``other``: a bare path, white space before the scheme, any further scheme."""
    scheme = _SCHEME.match(text[:_HEAD])
    match scheme and scheme[0].lower():
        case "data":
            return "data"
        case "http" | "https":
            return "http"
    return "other"


def _base64_or_scheme(text: str) -> str:
    return "base64" if _BASE64.fullmatch(text[:_HEAD]) else _url_scheme(text)


def _url_as_written(text: str) -> str:
    """``a URL that begins with "https:"``; the scheme alone, and only one as short as schemes are."""
    scheme = _SCHEME.match(text[:_HEAD])
    if scheme is None:
        return "a URL without a scheme"
    return f'a URL that begins with "{scheme[0]}:"' if len(scheme[0]) <= _LONGEST_SCHEME else "a URL of unknown scheme"


_FETCHED: Final = sourced(FETCHED, {
    "data": allowed("the content is in the body itself"),
    "http": configurable(
        "remote_urls", "GEORESTRICTION",
        "the provider would fetch it, from wherever it runs, and the host would learn of the call",
        remedy="Send the content as a data: URL, or the operator may set policy.remote_urls: allow",
    ),
    "other": refused("UNKNOWN", "only data: URLs are known to keep the content in the body", "Send a data: URL"),
})  # fmt: skip
FETCHED_URL: Final = Values("url", "URL scheme", _FETCHED, key=_url_scheme, written=_url_as_written)
INLINE_FILE: Final = Values(
    "file_data", "file data as",
    sourced(PART_TYPES, {**_FETCHED, "base64": allowed("the content is in the body itself")}),
    key=_base64_or_scheme,
    written=_url_as_written,
)  # fmt: skip
RECORDED_URL: Final = STRING
"""A URL in the record of something past, such as a citation: text to the provider, never fetched again."""

FILE_ID: Final = refused(
    "ZERO_DATA_RETENTION", "a file id names a file stored at the provider",
    "Send the content in the body, as a data: URL or base64", source=KEPT_ENDPOINTS,
)  # fmt: skip

CACHE_LIFETIME: Final = Values(
    "prompt_cache_ttl", "cache lifetime",
    sourced(RETENTION, {
        "30m": allowed("the provider's default"),
        "12h": refused("ZERO_DATA_RETENTION", "keeps the prompt at the provider for half a day", "Leave ttl out"),
    }),
)  # fmt: skip
CACHE_BREAKPOINT: Final = Members({"mode": STRING, "ttl": CACHE_LIFETIME})
