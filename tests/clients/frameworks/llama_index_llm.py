# mypy: ignore-errors
# ruff: noqa: T201 - its standard output is what the test reads
# It runs in an environment of its own, which mypy does not see, and answers on stdout.
"""llama-index, which also brings an older openai-python: its Responses model, and the default, chat completions.

The default looks every model up by its plain name, so that it can't be told a RID.
"""

import asyncio
import json
import os

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI, OpenAIResponses


def weather(city: str) -> str:
    """The weather of a city."""
    return "snow"


where = {"api_base": os.environ["BASE_URL"], "api_key": os.environ["TOKEN"], "max_retries": 0}
model = (
    OpenAI(os.environ["MODEL"], **where)
    if os.environ["API"] == "chat"
    else OpenAIResponses(os.environ["MODEL"], context_window=400_000, **where)  # the RID is none whose size it knows
)


async def main() -> None:
    asked = model.complete("Hi").text
    chunks = list(model.stream_complete("Hi"))
    answer = await FunctionAgent(tools=[weather], llm=model).run("How is the weather in Bern?")
    answers = {
        "question": asked,
        "stream": "".join(chunk.delta for chunk in chunks),
        "pieces": len(chunks),
        "usage": sum(bool(getattr(chunk.raw, "usage", None)) for chunk in chunks),
        "tool": str(answer),
    }
    if os.environ["API"] == "chat":
        embeddings = OpenAIEmbedding(model=os.environ["EMBEDDINGS"], **where)
        answers["embeddings"] = list(map(len, embeddings.get_text_embedding_batch(["a", "b"])))
    print(json.dumps(answers))


asyncio.run(main())
