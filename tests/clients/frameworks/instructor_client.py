# mypy: ignore-errors
# ruff: noqa: T201 - its standard output is what the test reads
# It runs in an environment of its own, which mypy does not see, and answers on stdout.
"""instructor, which asks for a tool's call by default and makes an object of its arguments."""

import json
import os

import instructor
import openai
import pydantic


class Person(pydantic.BaseModel):
    name: str
    age: int


client = instructor.from_openai(
    openai.OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["TOKEN"], max_retries=0)
)
asked = {"model": os.environ["MODEL"], "messages": [{"role": "user", "content": "Who?"}], "max_retries": 0}
whole = client.chat.completions.create(response_model=Person, **asked)
parts = list(client.chat.completions.create_partial(response_model=Person, **asked))
print(json.dumps({"whole": whole.model_dump(), "parts": [part.model_dump() for part in parts]}))
