"""The configuration sections ``lifecycle`` and ``log``: how the process ends, and what it writes."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LifecycleSettings(_Section):
    """How the sidecar ends: how long calls that are under way may still take."""

    announce_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="after SIGTERM: seconds in which new connections are still taken, though readiness fails, so"
            " that endpoints can be withdrawn; 5 does behind a Service. Default 0: a sidecar of one app needs none",
        ),
    ] = 0.0
    drain_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="after SIGTERM: seconds until calls still under way are cut; some less than the pod's grace"
            " period (terminationGracePeriodSeconds). Default 25: Kubernetes gives 30",
        ),
    ] = 25.0

    @model_validator(mode="after")
    def _announcing_leaves_time(self) -> "LifecycleSettings":
        if self.announce_seconds >= self.drain_seconds:
            raise ValueError("announce_seconds is a part of drain_seconds, so it must be smaller")
        return self


class LogSettings(_Section):
    """How lines of the log are written."""

    format: Annotated[
        Literal["json", "console"] | None,
        Field(
            description="json: one object a line; console: for people. Default none given: console on a terminal, json"
            " elsewhere, as each is read there"
        ),
    ] = None
