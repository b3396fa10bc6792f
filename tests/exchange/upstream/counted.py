"""How many connections a pool has."""

from addons.exchange.upstream.pool import UpstreamPool


def idle(pool: UpstreamPool) -> int:
    """Connections that serve nobody."""
    return sum(len(each.idle) for each in pool._pools.values())


def busy(pool: UpstreamPool) -> int:
    """Connections that serve a call, and those being made for one."""
    return sum(each.taken for each in pool._pools.values())


def lent(pool: UpstreamPool) -> int:
    """Connections that serve a call."""
    return sum(len(each._lent) for each in pool._pools.values())
