"""The ``usage`` object of chat completions and embeddings: as the Responses API has it, under other names."""

from collections.abc import Mapping

from addons.bodies.answer_facts import Usage, count, inside


def usage_of(value: object) -> Usage | None:
    if not isinstance(value, Mapping):
        return None
    given, made = value.get("prompt_tokens_details"), value.get("completion_tokens_details")
    usage = Usage(
        input_tokens=count(value.get("prompt_tokens")),
        cached_tokens=count(inside(given, "cached_tokens")),
        output_tokens=count(value.get("completion_tokens")),
        reasoning_tokens=count(inside(made, "reasoning_tokens")),
        total_tokens=count(value.get("total_tokens")),
        cache_write_tokens=count(inside(given, "cache_write_tokens")),
        cache_write_12h_tokens=count(inside(inside(given, "cache_write_tokens_details"), "ttl_12h_tokens")),
    )
    return None if usage == Usage() else usage
