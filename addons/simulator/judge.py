"""What the simulated provider checks before it answers: path, method, key, and that the body names a model."""

import json
from typing import Any

from addons.simulator.errors import Error
from addons.simulator.simulated_apis import SIMULATED_APIS
from addons.simulator.wire import Request


def judge(request: Request, api_key: str | None) -> dict[str, Any] | Error:
    """The parsed body of a request that can be answered, or the error OpenAI would answer."""
    if path_of(request) not in SIMULATED_APIS:
        answered = ", ".join(SIMULATED_APIS)
        return Error(404, f"Invalid URL ({request.method} {request.target}); this provider answers {answered} alone.")
    if request.method != "POST":
        return Error(405, f"{path_of(request)} takes POST, not {request.method}.", code="method_not_supported")
    if api_key is not None and request.values("authorization") != [f"Bearer {api_key}"]:
        return Error(401, f"Incorrect API key provided: {_masked(request)}.", code="invalid_api_key")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        return Error(400, f"The body is not JSON: {error}.", code="invalid_json")
    if not isinstance(body, dict):
        return Error(400, "The body is not a JSON object.", code="invalid_type")
    if not isinstance(body.get("model"), str):
        return Error(400, "Missing required parameter: 'model'.", code="missing_required_parameter", param="model")
    return body


def path_of(request: Request) -> str:
    return request.target.partition("?")[0]


def _masked(request: Request) -> str:
    """As the API shows it: enough of a wrong key to recognise it, and so something that must never be relayed."""
    key = " ".join(request.values("authorization")).removeprefix("Bearer ")
    return f"{key[:3]}***{key[-4:]}" if len(key) > 8 else "***"  # noqa: PLR2004 - too short to mask
