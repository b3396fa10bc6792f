"""Finds the recorded call that answers a request."""

from collections.abc import Mapping
from typing import Any, Final

from addons.cassettes.cassette import Cassette, RecordedCall
from addons.cassettes.redaction import Redaction, canonical

OF_THE_CALLER: Final = frozenset(("safety_identifier", "prompt_cache_key"))
"""Members that depend on the caller and the session. They are not compared."""


class MissError(Exception):
    """No recorded call fits. The message names the nearest one; ``members`` are those in which it differs."""

    def __init__(self, message: str, members: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.members = members


class Matching:
    """Gives equal requests their answers in the order of the file, and after that the last one again and again.

    ``once``: each answer is given only once.
    """

    def __init__(self, cassette: Cassette, *, once: bool = False) -> None:
        self._cassette = cassette
        self._once = once
        self._redaction = Redaction(cassette.header.salt) if cassette.header.content == "redacted" else None
        self._lines: dict[tuple[str, str], list[int]] = {}  # by the API and the request's own text
        self._used: dict[tuple[str, str], int] = {}
        self._members = {number: _members(call.request) for number, call in cassette.calls.items()}
        for number, members in self._members.items():
            self._lines.setdefault((cassette.calls[number].api, canonical(members)), []).append(number)

    def find(self, api: str, body: Mapping[str, Any]) -> RecordedCall:
        """The recorded call that answers ``body``, the request as it is sent to the API of this name.

        Raises:
            MissError: there is none, or with ``once`` none is left.
        """
        redacted = self._redaction.document(dict(body)) if self._redaction else body
        assert isinstance(redacted, Mapping)
        asked = _members(redacted)
        key = api, canonical(asked)
        lines = self._lines.get(key)
        if lines is None:
            raise self._miss(api, asked)
        used = self._used.get(key, 0)
        if self._once and used == len(lines):
            raise MissError(
                f"Cassette {self._cassette.name} holds this call {_times(len(lines))} ({_listed(lines)}), and it"
                " was replayed as often; leave out --once to get the last answer again."
            )
        self._used[key] = used + 1
        return self._cassette.calls[lines[min(used, len(lines) - 1)]]

    def _miss(self, api: str, asked: Mapping[str, str]) -> MissError:
        known = f"No recorded call in cassette {self._cassette.name} fits this one."
        differing = {
            number: _differing(asked, members)
            for number, members in self._members.items()
            if self._cassette.calls[number].api == api
        }
        if not differing:
            return MissError(f"{known} It holds no call of the API {api}; record it again.")
        number = min(differing, key=lambda each: len(differing[each]))
        return MissError(
            f"{known} The nearest, on line {number}, differs in {', '.join(differing[number])}."
            " Send the request as it was recorded, or record the cassette again.",
            differing[number],
        )


def _members(body: Mapping[str, Any]) -> dict[str, str]:
    return {name: canonical(value) for name, value in body.items() if name not in OF_THE_CALLER}


def _differing(asked: Mapping[str, str], recorded: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in asked.keys() | recorded.keys() if asked.get(name) != recorded.get(name)))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _listed(lines: list[int]) -> str:
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
