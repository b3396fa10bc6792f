# mypy: disable-error-code="arg-type"
# foundry_sdk gives a client of the older httpx, which openai-python takes at run time alone.
"""Palantir's documented Python example, as it stands there."""

from foundry_sdk.v2.language_models.utils import (
    get_foundry_token,
    get_http_client,
    get_openai_base_url,
)
from openai import OpenAI


def openai_responses(prompt: str) -> str:
    # The client returned by get_http_client will automatically propagate
    # attribution and tracing headers
    client = OpenAI(
        api_key=get_foundry_token(preview=True),
        base_url=get_openai_base_url(preview=True),
        http_client=get_http_client(preview=True),
    )

    return client.responses.create(model="ri.language-model-service..language-model.gpt-5-2", input=prompt).output_text
