"""The configuration section ``telemetry``: where metrics, traces and records are sent."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from addons.values.url import plain_url


class TelemetrySettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    otlp_endpoint: Annotated[
        Annotated[str, AfterValidator(lambda text: plain_url(text, "http", "https"))] | None,
        Field(
            description="base URL of an OpenTelemetry collector (OTLP over HTTP), e.g. http://localhost:4318; what it"
            " asks for goes into OpenTelemetry's own OTEL_EXPORTER_OTLP_HEADERS. Default none: nothing is sent where"
            " nobody listens",
        ),
    ] = None
    otlp_records: Annotated[
        bool,
        Field(
            description="whether that collector gets each call's record too, as a log record. Default false: who reads"
            " standard output would have every record twice",
        ),
    ] = False
