"""The configuration section ``telemetry``: where metrics, traces and records are sent."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from addons.values.url import plain_url


class TelemetrySettings(BaseModel):
    """Which telemetry is sent to a collector."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    otlp_endpoint: Annotated[
        Annotated[str, AfterValidator(lambda text: plain_url(text, "http", "https"))] | None,
        Field(
            description="base URL of an OpenTelemetry collector (OTLP over HTTP), for example http://localhost:4318;"
            " write credentials for it into OpenTelemetry's own variable OTEL_EXPORTER_OTLP_HEADERS. Default none:"
            " there may be no collector",
        ),
    ] = None
    otlp_records: Annotated[
        bool,
        Field(
            description="whether that collector gets each call's record too, as a log record. Default false: where"
            " standard output is collected too, every record would be there twice",
        ),
    ] = False
