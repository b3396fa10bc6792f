"""From ``limits.storage`` to the counters it names."""

from addons.gates.counters import Counters
from addons.usage.memory_counters import MemoryCounters
from addons.values.secret import Secret


def build_counters(storage: str | Secret) -> Counters:
    """The counters that ``limits.storage`` names."""
    if storage == "memory":
        return MemoryCounters()
    from addons.usage.redis_counters import RedisCounters  # noqa: PLC0415 - costs every start 80 ms otherwise

    return RedisCounters(storage)
