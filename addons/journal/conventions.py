"""OpenTelemetry's names for calls of models, in one place: OpenTelemetry marks them as Development, and changes them.

Source: open-telemetry/semantic-conventions-genai, ``docs/gen-ai/client-inference.md``, ``gen-ai-token-metrics.md`` and
``openai.md``, read in November 2026 at commit 024a4f94. That repository has no release yet. Its schema has the version
1.42.0-dev, and takes names that are not of GenAI from the core conventions 1.44.0.
"""

from collections.abc import Mapping
from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"

# -- attributes of records, spans and metrics
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
API_TYPE: Final = "openai.api.type"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_TIER: Final = "openai.response.service_tier"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"  # seconds; only of streams
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
MODALITY: Final = "gen_ai.token.modality"
# of the core conventions
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"  # required wherever the address is given
PEER_ADDRESS: Final = "network.peer.address"
ERROR_TYPE: Final = "error.type"
STATUS_CODE: Final = "http.response.status_code"
METHOD: Final = "http.request.method"
URL_PATH: Final = "url.path"
SERVICE_VERSION: Final = "service.version"

# -- metrics
DURATION_METRIC: Final = "gen_ai.client.inference.duration"
FIRST_CHUNK_METRIC: Final = "gen_ai.client.inference.time_to_first_chunk"
USAGE_METRICS: Final[Mapping[str, str]] = {
    INPUT_TOKENS: "gen_ai.client.inference.usage.input_tokens",
    CACHE_READ_TOKENS: "gen_ai.client.inference.usage.cache_read.input_tokens",
    CACHE_WRITE_TOKENS: "gen_ai.client.inference.usage.cache_write.input_tokens",
    OUTPUT_TOKENS: "gen_ai.client.inference.usage.output_tokens",
    REASONING_TOKENS: "gen_ai.client.inference.usage.reasoning.output_tokens",
}
"""Counters of tokens, by the attribute that has the tokens of one call."""

TOKENS_METRICS: Final[Mapping[str, str]] = {
    INPUT_TOKENS: "gen_ai.client.inference.operation.input_tokens",
    OUTPUT_TOKENS: "gen_ai.client.inference.operation.output_tokens",
}
"""Histograms of the tokens of one call, by the attribute that has them."""

SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS: Final = tuple(float(4**power) for power in range(14))
"""The bucket boundaries of ``SECONDS`` and ``TOKENS`` are those that the conventions ask for."""

UNKNOWN_MODALITY: Final = "unknown"
"""The modality of all tokens: a call's usage does not say which were text and which images."""
