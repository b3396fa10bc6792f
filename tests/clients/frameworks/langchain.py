# mypy: ignore-errors
# ruff: noqa: T201 - its standard output is what the test reads
# It runs in an environment of its own, which mypy does not see, and answers on stdout.
"""LangChain, in its Responses mode, and by its own default, which is chat completions."""

import json
import os

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return "snow"


where = {"base_url": os.environ["BASE_URL"], "api_key": os.environ["TOKEN"], "max_retries": 0}
mode = {"responses": {"use_responses_api": True}, "chat": {}}[os.environ["API"]]
model = ChatOpenAI(model=os.environ["MODEL"], **where, **mode)
asked = model.invoke("Hi").text
chunks = list(model.stream("Hi"))

conversation = [HumanMessage("How is the weather in Bern?")]
tooled = model.bind_tools([weather])
conversation.append(tooled.invoke(conversation))
calls = conversation[-1].tool_calls
conversation += [ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]) for call in calls]
answers = {
    "question": asked,
    "stream": "".join(chunk.text for chunk in chunks),
    "pieces": len(chunks),
    "usage": sum(chunk.usage_metadata is not None for chunk in chunks),
    "tool": tooled.invoke(conversation).text,
}
if os.environ["API"] == "chat":
    # By default it counts tokens before it asks, with a list that it downloads by the model's plain name.
    embeddings = OpenAIEmbeddings(model=os.environ["EMBEDDINGS"], check_embedding_ctx_length=False, **where)
    answers["embeddings"] = list(map(len, embeddings.embed_documents(["a", "b"])))
print(json.dumps(answers))
