"""Gate: to which projects the usage belongs (docs/contract.md#attribution)."""

from addons.call import Call
from addons.foundry.attribution import read_attribution


def attribute(call: Call) -> None:
    """Fills ``call.attribution``; empty means that usage belongs to the caller."""
    call.attribution = read_attribution(call.headers.get("attribution", ()))
