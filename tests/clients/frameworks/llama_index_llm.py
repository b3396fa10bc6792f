# mypy: ignore-errors
# ruff: noqa: T201 - its standard output is what the test reads
# It runs in an environment of its own, which mypy does not see, and answers on stdout.
"""llama-index, which also brings an older openai-python."""

import asyncio
import json
import os

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai import OpenAIResponses


def weather(city: str) -> str:
    """The weather of a city."""
    return "snow"


model = OpenAIResponses(
    model=os.environ["MODEL"],
    api_base=os.environ["BASE_URL"],
    api_key=os.environ["TOKEN"],
    context_window=400_000,  # the RID is none of the names whose size it knows
    max_retries=0,
)


async def main() -> None:
    asked = model.complete("Hi").text
    chunks = [chunk.delta for chunk in model.stream_complete("Hi")]
    answer = await FunctionAgent(tools=[weather], llm=model).run("How is the weather in Bern?")
    print(json.dumps({"question": asked, "stream": "".join(chunks), "pieces": len(chunks), "tool": str(answer)}))


asyncio.run(main())
