"""The configuration section ``inspect``: how much ``./run.sh web`` holds; without it nothing is held."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class InspectSettings(BaseModel):
    """Where mitmweb's page is and what it keeps. Its address is 127.0.0.1 always: it can run any command."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Annotated[
        int,
        Field(
            ge=0,
            le=65535,
            description="port of its page, on 127.0.0.1; 0: any that is free. Default 8082: mitmweb's own, 8081, is"
            " where an explicit proxy is often put",
        ),
    ] = 8082
    keep_flows: Annotated[
        int,
        Field(
            ge=1,
            description="calls on the list; the oldest that ended are let go. Default 500: more than anyone scrolls"
            " through",
        ),
    ] = 500
    keep_bytes: Annotated[
        int,
        Field(
            ge=0,
            description="bytes of their bodies together; the oldest that ended are let go. Default 256 MiB: a"
            " developer's machine has it to spare",
        ),
    ] = 256 * 1024 * 1024
    answer_bytes: Annotated[
        int,
        Field(
            ge=0,
            description="bytes kept of one answer; the rest only passes. Default 4 MiB: some 20,000 events of a stream",
        ),
    ] = 4 * 1024 * 1024
    resend: Annotated[
        Literal["refuse", "allow"],
        Field(
            description="allow: a call on the page may be sent again from there, through every gate. Default refuse:"
            " who looks need not be who calls, and each call costs"
        ),
    ] = "refuse"
    hold_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="how long the page's intercept may keep a call waiting, which is refused then. Default 300:"
            " time to read and edit it, within what an app's own timeout usually allows",
        ),
    ] = 300
