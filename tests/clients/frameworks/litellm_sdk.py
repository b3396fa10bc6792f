# mypy: ignore-errors
# ruff: noqa: T201 - its standard output is what the test reads
# It runs in an environment of its own, which mypy does not see, and answers on stdout.
"""LiteLLM as a library, whose calls are chat completions."""

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it downloads prices when it is imported

import litellm

where = {"api_base": os.environ["BASE_URL"], "api_key": os.environ["TOKEN"], "max_retries": 0}
model = f"openai/{os.environ['MODEL']}"
city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tools = [{"type": "function", "function": {"name": "weather", "parameters": city}}]


def said(content, **more):
    return litellm.completion(model, [{"role": "user", "content": content}], **where, **more)


asked = said("Hi").choices[0].message.content
chunks = list(said("Hi", stream=True))
conversation = [{"role": "user", "content": "How is the weather in Bern?"}]
message = litellm.completion(model, conversation, tools=tools, **where).choices[0].message
conversation.append(message)
conversation += [{"role": "tool", "tool_call_id": call.id, "content": "snow"} for call in message.tool_calls]
answers = {
    "question": asked,
    "stream": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
    "pieces": len(chunks),
    "usage": sum(getattr(chunk, "usage", None) is not None for chunk in chunks),
    "tool": litellm.completion(model, conversation, tools=tools, **where).choices[0].message.content,
    "embeddings": [
        len(each["embedding"])
        for each in litellm.embedding(f"openai/{os.environ['EMBEDDINGS']}", ["a", "b"], **where).data
    ],
}
print(json.dumps(answers))
