# mypy: ignore-errors
# ruff: noqa: T201 - its standard output is what the test reads
# It runs in an environment of its own, which mypy does not see, and answers on stdout.
"""pydantic-ai."""

import asyncio
import json
import os

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url=os.environ["BASE_URL"], api_key=os.environ["TOKEN"])
agent = Agent(OpenAIResponsesModel(os.environ["MODEL"], provider=provider))
tooled = Agent(OpenAIResponsesModel(os.environ["MODEL"], provider=provider))


@tooled.tool_plain
def weather(city: str) -> str:
    """The weather of a city."""
    return "snow"


async def main() -> None:
    asked = (await agent.run("Hi")).output
    async with agent.run_stream("Hi") as stream:
        chunks = [chunk async for chunk in stream.stream_text(delta=True, debounce_by=None)]
    answer = (await tooled.run("How is the weather in Bern?")).output
    print(json.dumps({"question": asked, "stream": "".join(chunks), "pieces": len(chunks), "tool": answer}))


asyncio.run(main())
