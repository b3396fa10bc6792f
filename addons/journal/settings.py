"""The configuration section ``telemetry``: where metrics and traces are sent."""

from typing import Annotated

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field


class TelemetrySettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    otlp_endpoint: Annotated[
        AnyHttpUrl | None,
        Field(description="base URL of an OpenTelemetry collector (OTLP over HTTP), e.g. http://localhost:4318"),
    ] = None
