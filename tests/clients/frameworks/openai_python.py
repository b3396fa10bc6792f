# mypy: ignore-errors
# ruff: noqa: T201 - its standard output is what the test reads
# It runs in an environment of its own, which mypy does not see, and answers on stdout.
"""openai-python of whichever version its environment has, its strict validation on: chat completions and embeddings.

Of embeddings it asks for bytes by itself, which its strict validation does not take.
"""

import json
import os

import openai

where = {"base_url": os.environ["BASE_URL"], "api_key": os.environ["TOKEN"], "max_retries": 0}
client = openai.OpenAI(**where, _strict_response_validation=True)
asked = {"model": os.environ["MODEL"], "messages": [{"role": "user", "content": "Hi"}]}


def streamed(**options):
    chunks = list(client.chat.completions.create(**asked, stream=True, **options))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return {"text": text, "usage": sum(chunk.usage is not None for chunk in chunks)}


def raised(**options):
    try:
        list(client.chat.completions.create(**asked, **options))
    except openai.OpenAIError as error:
        return {"class": type(error).__name__, "code": error.code}


def goes_round():
    """What the stream's helper put together goes back as it is."""
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}, "strict": True}}]
    with client.chat.completions.stream(**asked, tools=tools) as stream:
        said = stream.get_final_completion().choices[0].message
    told = {"role": "tool", "tool_call_id": said.tool_calls[0].id, "content": "snow"}
    again = client.chat.completions.create(**asked | {"messages": [*asked["messages"], said, told]}, tools=tools)
    return again.choices[0].message.content


print(
    json.dumps(
        {
            "version": openai.__version__,
            "question": client.chat.completions.create(**asked).choices[0].message.content,
            "not asked": streamed(),
            "refused it": streamed(stream_options={"include_usage": False}),
            "asked": streamed(stream_options={"include_usage": True}),
            "cut": raised(stream=True),
            "ended": raised(stream=True),
            "stored": raised(store=True),
            "tool": goes_round(),
            "embeddings": [
                len(each.embedding)
                for each in openai.OpenAI(**where)
                .embeddings.create(model=os.environ["EMBEDDINGS"], input=["a", "b"])
                .data
            ],
        }
    )
)
