"""OpenAI's regions and the host of each (docs/contract.md#regions)."""

from typing import Final, Literal

type Region = Literal["global", "us", "eu", "ae", "au", "in", "jp"]

REGION_HOSTS: Final = {
    "global": "api.openai.com",
    "us": "us.api.openai.com",
    "eu": "eu.api.openai.com",
    "ae": "ae.api.openai.com",
    "au": "au.api.openai.com",
    "in": "in.api.openai.com",
    "jp": "jp.api.openai.com",
}
"""OpenAI's documented regional hosts: a region's name decides the host, so a typo can't cross a border."""
