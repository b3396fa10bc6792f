# mypy: ignore-errors
# ruff: noqa: T201 - its standard output is what the test reads
# It runs in an environment of its own, which mypy does not see, and answers on stdout.
"""OpenAI Agents SDK. Its own tracing posts to OpenAI with the API key: here that is a Foundry token, so turn it off."""

import asyncio
import json
import os

from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI


@function_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return "snow"


async def main() -> None:
    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["TOKEN"], max_retries=0)
    model = OpenAIResponsesModel(os.environ["MODEL"], client)
    plain = Agent(name="plain", instructions="Be brief.", model=model)
    asked = (await Runner.run(plain, "Hi")).final_output
    streamed = Runner.run_streamed(plain, "Hi")
    events = [event.data.type async for event in streamed.stream_events() if event.type == "raw_response_event"]
    pieces = events.count("response.output_text.delta")
    tooled = await Runner.run(Agent(name="tooled", tools=[weather], model=model), "How is the weather in Bern?")
    answers = {"question": asked, "stream": streamed.final_output, "pieces": pieces, "tool": tooled.final_output}
    print(json.dumps(answers))


asyncio.run(main())
