"""Whether the head of a request is still one head after a person may have edited it in a flow."""

import re
from typing import Final

from mitmproxy import http

from addons.values.http_name import NAME

_METHOD: Final = re.compile(rb"[A-Z-]+")
_TARGET: Final = re.compile(rb'[!"$-~]+')
_NAME: Final = re.compile(NAME.encode())
_VALUE: Final = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")


def is_one_head(request: http.Request) -> bool:
    """Whether method, path and header fields are as HTTP has them, so that none of them ends the head."""
    return bool(
        _METHOD.fullmatch(request.data.method)
        and _TARGET.fullmatch(request.data.path)
        and all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in request.headers.fields)
    )
