"""What would become of a call, gate by gate, and why: the proxy's own gates on a request from a file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from addons.apis.table import likeliest
from addons.bodies.api import Api
from addons.bodies.verdict import Change, Finding
from addons.call import Call, Headers
from addons.foundry.caller import SCOPE, Caller
from addons.foundry.models import Model
from addons.foundry.paths import BASE, PATH
from addons.foundry.refusals import Refusal
from addons.foundry.trace import read_trace
from addons.gates.order import Gate, Gates, Named, run

type StepOutcome = Literal["passed", "refused", "not reached", "not judged"]

NOT_JUDGED: Final[Mapping[str, str]] = {
    "caller": f"no token is kept; assumed: a valid one that holds {SCOPE}",
    "permission": "depends on the caller; assumed: one that may use every model and name every project",
    "concurrency": "depends on what else is under way",
    "limits": "depends on what else is called in the same minute",
    "budgets": "depends on what was used before in the same day, week or month",
}
"""Gates whose verdict a file can't tell, and what is assumed instead."""

GOOD_HEAD: Final = "assumed: the request line and headers of a valid caller"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to explain.

    ``assumed`` says what of its head is not from the file; empty: nothing. ``caller`` and ``projects`` are whose it
    was, where that is known. With ``redacted`` marks stand for texts of its body.
    """

    name: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    method: str = "POST"
    target: str = PATH
    authority: str = ""
    server_name: str | None = None
    assumed: str = ""
    caller: str | None = None
    projects: tuple[str, ...] = ()
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One gate. ``reason`` is a sentence where there is something to say."""

    gate: str
    outcome: StepOutcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """``members`` are the top-level members that the sidecar changed: JSON text, None where taken out.

    ``findings`` are all that the policy refuses, ``warnings`` what it lets pass under a rule that only warns.
    """

    name: str
    steps: tuple[Step, ...]
    refusal: Refusal | None = None
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    members: Mapping[str, str | None] = field(default_factory=dict)
    region: str | None = None
    destination: str | None = None


def from_body(name: str, body: bytes, host: str, models: Iterable[Model] = ()) -> Asked:
    """A bare body, sent as a good caller would send it, to the API it looks like; ``host`` is one that is served."""
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        members = {}
    named = bytes(members.get("model", b""))
    serving = next((model.apis for model in models if named == msgspec.json.encode(model.rid)), ())
    return to_api(likeliest(members, serving), name, body, host)


def to_api(api: Api, name: str, body: bytes, host: str) -> Asked:
    """A body, sent as a good caller would send it to this API."""
    headers = {"host": (host,), "content-type": ("application/json",)}
    return Asked(name, headers, body, target=f"{BASE}{api.path}", assumed=GOOD_HEAD)


async def explain(gates: Gates, asked: Asked) -> Explanation:
    """Runs the gates up to the first that refuses. Nobody is dialled, and nothing is counted.

    Raises:
        Exception: whatever a gate raises beside ``Refusal``, e.g. SecretError for a key it needs.
    """
    call = Call(
        method=asked.method,
        target=asked.target,
        headers={name: values for name, values in asked.headers.items() if name != "authorization"},
        trace=read_trace(asked.headers),
        authority=asked.authority,
        server_name=asked.server_name,
        wire_body=asked.body,
        explained=True,
    )
    steps: list[Step] = []
    for each in (*gates.head, *gates.body):
        if call.to in each.to:
            why = NOT_JUDGED.get(each.name) or (asked.assumed if each in gates.head else "")
            steps.append(await _step(each, call, why))
    verdict, leaving = call.verdict, call.outbound if call.refusal is None else None
    return Explanation(
        name=asked.name,
        steps=tuple(steps),
        refusal=call.refusal,
        findings=verdict.refused if verdict else (),
        warnings=verdict.warned if verdict else (),
        changes=verdict.changes if verdict and leaving else (),
        members=_changed(call.body, leaving.body) if leaving and verdict else {},
        region=call.region,
        destination=f"https://{leaving.host}:{leaving.port}{leaving.path}" if leaving else None,
    )


def _assume_caller(call: Call) -> None:
    call.caller = Caller("assumed", frozenset({SCOPE}))


_INSTEAD: Final[Mapping[str, Gate]] = {
    "caller": _assume_caller,
    "concurrency": lambda _call: None,
    "limits": lambda _call: None,
    "budgets": lambda _call: None,
}
"""What runs in the place of gates that would ask somebody, or count the call."""


async def _step(each: Named, call: Call, why: str) -> Step:
    if call.refusal:
        return Step(each.name, "not reached")
    try:
        await run([each._replace(gate=_INSTEAD.get(each.name, each.gate))], call)
    except Refusal as refusal:
        call.refusal = refusal
        return Step(each.name, "refused", refusal.message or refusal.detail or "")
    return Step(each.name, "not judged" if each.name in NOT_JUDGED else "passed", why)


def _changed(before: bytes, after: bytes) -> dict[str, str | None]:
    old, new = (msgspec.json.decode(body, type=dict[str, msgspec.Raw]) for body in (before, after))
    names = (*new, *(name for name in old if name not in new))
    return {
        name: bytes(new[name]).decode() if name in new else None
        for name in names
        if name not in old or name not in new or bytes(old[name]) != bytes(new[name])
    }
