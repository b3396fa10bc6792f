# mypy: ignore-errors
# ruff: noqa: T201 - its standard output is what the test reads
# It runs in an environment of its own, which mypy does not see, and answers on stdout.
"""LangChain, in its Responses mode."""

import json
import os

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return "snow"


model = ChatOpenAI(
    base_url=os.environ["BASE_URL"],
    api_key=os.environ["TOKEN"],
    model=os.environ["MODEL"],
    use_responses_api=True,
    max_retries=0,
)
asked = model.invoke("Hi").text
chunks = [chunk.text for chunk in model.stream("Hi")]

conversation = [HumanMessage("How is the weather in Bern?")]
tooled = model.bind_tools([weather])
conversation.append(tooled.invoke(conversation))
calls = conversation[-1].tool_calls
conversation += [ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]) for call in calls]
answer = tooled.invoke(conversation).text
print(json.dumps({"question": asked, "stream": "".join(chunks), "pieces": len(chunks), "tool": answer}))
