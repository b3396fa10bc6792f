"""Values of ``include``: what the provider is asked to add to its answer (docs/contract.md#fields)."""

from dataclasses import replace
from typing import Final

from addons.bodies.rows import Row, Values, allowed, sourced
from addons.bodies.sources import INCLUDE_TYPE
from addons.responses.tools import TOOLS

ENCRYPTED_REASONING: Final = "reasoning.encrypted_content"


def _of(tool: str) -> Row:
    """What comes from a tool is decided as the tool is."""
    return replace(TOOLS[tool], shape=None)


INCLUDES: Final[dict[str, Row]] = sourced(
    INCLUDE_TYPE,
    {
        ENCRYPTED_REASONING: allowed("hands reasoning back to the caller, so that nobody else has to keep it"),
        "message.output_text.logprobs": allowed("numbers about the answer"),
        "message.input_image.image_url": allowed("gives back what the caller sent"),
        "file_search_call.results": _of("file_search"),
        "code_interpreter_call.outputs": _of("code_interpreter"),
        "web_search_call.results": _of("web_search"),
        "web_search_call.action.sources": _of("web_search"),
        "computer_call_output.output.image_url": _of("computer"),
    },
)

INCLUDE: Final = Values("include", "include value", INCLUDES)
