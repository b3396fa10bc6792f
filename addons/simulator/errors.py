"""Error answers in OpenAI's shape: ``{"error": {"message", "type", "param", "code"}}``."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Error(NamedTuple):
    """One error of the API."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None

    def body(self) -> dict[str, Any]:
        """The JSON that is sent."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


_SERVER = "server_error"

# What OpenAI says by each status, and by the codes that change more than the code.
_BY_STATUS: Final[Mapping[int, Error]] = {
    401: Error(401, "Simulated: the API key is not valid.", code="invalid_api_key"),
    403: Error(403, "Simulated: not from this country.", "request_forbidden", "unsupported_country_region_territory"),
    404: Error(404, "Simulated: the model does not exist.", code="model_not_found", param="model"),
    429: Error(429, "Simulated: too many tokens per minute.", "tokens", "rate_limit_exceeded"),
    500: Error(500, "Simulated: the server failed.", _SERVER),
    503: Error(503, "Simulated: overloaded.", "service_unavailable_error", "server_is_overloaded"),
}
_BY_CODE: Final[Mapping[str, Error]] = {
    "insufficient_quota": Error(429, "Simulated: the quota is used up.", "insufficient_quota", "insufficient_quota"),
    "context_length_exceeded": Error(
        400, "Simulated: the input is longer than the model's context.", code="context_length_exceeded", param="input"
    ),
}


def simulated(status: int, code: str | None) -> Error:
    """The error OpenAI would send with this status; ``code`` replaces the usual one."""
    row = _BY_CODE.get(code or "") or _BY_STATUS.get(status)
    if row is None:
        kind = "invalid_request_error" if status < 500 else _SERVER  # noqa: PLR2004 - HTTP's own number
        row = Error(status, f"Simulated: status {status}.", kind)
    return row._replace(status=status, code=code or row.code)
