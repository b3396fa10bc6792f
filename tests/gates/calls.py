"""Calls as the gates meet them."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from addons.call import Call, Headers
from addons.foundry.caller import SCOPE, Caller
from addons.foundry.catalogue import Catalogue
from addons.foundry.paths import PATH
from addons.foundry.permits import Meter, Permits
from addons.foundry.refusals import Refusal
from addons.foundry.trace import read_trace
from addons.gates.order import TO_ALL, Gate, Named, run
from addons.responses.api import RESPONSES
from tests.conftest import MODEL

GPT = Catalogue().find(MODEL, date(2026, 1, 1))
SOMEONE = Caller("someone", frozenset({SCOPE}))


def call(headers: Headers | None = None, **filled: Any) -> Call:
    """A call whose head is ``headers``; ``filled`` is what earlier gates have put into it."""
    made = Call(method="POST", target=PATH, headers=headers or {}, trace=read_trace({}))
    made.api = RESPONSES
    for name, value in filled.items():
        setattr(made, name, value)
    return made


def through(gate: Gate, asked: Call) -> Call:
    """The call, once the gate has let it through."""
    asyncio.run(run([Named("gate", gate, TO_ALL)], asked))
    assert asked.passed == ["gate"]
    return asked


def refused_by(gate: Gate, asked: Call) -> Refusal:
    """What the gate refuses the call with."""
    with pytest.raises(Refusal) as caught:
        asyncio.run(run([Named("gate", gate, TO_ALL)], asked))
    assert asked.passed == []
    return caught.value


def charged(charges: Mapping[Meter, int], minute: int) -> Permits:
    """Of a call that was charged so much, in this minute since the epoch."""
    return Permits(minute=minute, meters=tuple(charges), costs=tuple(charges.values()))
