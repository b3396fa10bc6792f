"""What the settings say of a call, in one piece: a reload puts another piece in its place, whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from addons.call import To
from addons.exchange.upstream.destination import Destination, Trust
from addons.gates.candidate import Candidate
from addons.gates.order import Gates
from addons.provider_credentials.credential import Credential
from addons.verifiers.protocol import Verifier


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Args:
        gates: those a call goes through.
        every_gate: the names of those it must have got through, in order, to leave; by where it leaves for.
        credentials: what opens the provider, by region.
        destinations: where the calls of each region go; nothing of the provider's is dialled but these.
        foundry: Foundry's host names that calls may be passed on to, each with its address where the operator
            wrote one.
        foundry_trust: how Foundry's certificate is checked.
        verifier: the one in the gates.
        judged_by: what every record says of these rules: hashes of policy and configuration.
        candidate: a policy that is tried beside the one in force.
        store_needed: whether calls are refused while the store of limits is out of reach.
    """

    gates: Gates
    every_gate: Mapping[To, tuple[str, ...]]
    credentials: Mapping[str, Credential]
    destinations: Mapping[str, Destination]
    foundry: Mapping[str, tuple[str, int] | None]
    foundry_trust: Trust
    verifier: Verifier
    judged_by: Mapping[str, str]
    candidate: Candidate | None
    store_needed: bool


class InForce:
    """The rules for calls that begin now. A call keeps the rules it met its first gate under, to its end.

    ``changed`` is told of rules that took the place of others.
    """

    def __init__(self, rules: Rules, changed: Callable[[Rules], object] = lambda _rules: None) -> None:
        self.rules = rules
        self._changed = changed

    def put(self, rules: Rules) -> None:
        self.rules = rules
        self._changed(rules)
