"""The configuration section ``inspect``: how much ``./run.sh web`` holds; without it nothing is held."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class InspectSettings(BaseModel):
    """Where mitmweb's page is and what it keeps. Its address is 127.0.0.1 always: it can run any command."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Annotated[int, Field(ge=0, le=65535, description="of its page, on 127.0.0.1; 0: any that is free")] = 8082
    keep_flows: Annotated[int, Field(ge=1, description="calls on the list; the oldest that ended are let go")] = 500
    keep_bytes: Annotated[
        int, Field(ge=0, description="bytes of their bodies together; the oldest that ended are let go")
    ] = 256 * 1024 * 1024
    answer_bytes: Annotated[int, Field(ge=0, description="bytes kept of one answer; the rest only passes")] = (
        4 * 1024 * 1024
    )
