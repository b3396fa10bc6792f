"""What is shown of the measurement: the rows of the table, with the goals set for them."""

from typing import Final, NamedTuple

from tests.bench.cases import (
    ADDON,
    BURST,
    CHAT,
    CHAT_BURST,
    CROWD,
    FAR,
    HISTORY,
    HISTORY_BESIDE,
    HISTORY_MORE,
    JSON,
    LARGE,
    LARGER,
    LITELLM,
    LONG,
    LONG_BESIDE,
    LONG_MORE,
    NEW,
    PACED,
    PLAIN,
    POLICY,
    START,
    STRANGER,
    TWO,
)


class Goal(NamedTuple):
    """At most ``times`` the figure of ``against``, ``plus`` so much; or, with ``at_least``, no less than that."""

    against: str
    times: float
    plus: float = 0
    at_least: bool = False


class Row(NamedTuple):
    case: str
    measure: str
    unit: str
    goal: Goal | None = None


SERVING: Final = "serving"
"""The sidecar's own call of the case that is like one that only the sidecar has: mostly the JSON call."""

INSTRUCTIONS: Final = "million instructions a call"
CPU: Final = "CPU ms a call"
RATE: Final = "calls a second"
FIRST_BYTE: Final = "ms to the first byte"
ON_THE_WAY: Final = "ms an event was on its way, at worst in a call"

ROWS: Final = (
    Row(JSON, "instructions", INSTRUCTIONS, Goal(PLAIN, 0.34)),
    Row(JSON, "cpu", CPU, Goal(PLAIN, 0.66)),
    Row(JSON, "rate", RATE, Goal(LITELLM, 9, at_least=True)),
    Row(CHAT, "instructions", INSTRUCTIONS, Goal(SERVING, 1.1)),
    Row(CHAT, "cpu", CPU, Goal(SERVING, 1.1)),
    Row(TWO, "cpu", CPU),
    Row(TWO, "rate", RATE),
    Row(NEW, "instructions", INSTRUCTIONS, Goal(PLAIN, 0.18)),
    Row(NEW, "cpu", CPU, Goal(PLAIN, 0.30)),
    Row(NEW, "rate", RATE),
    Row(FAR, "first_byte", FIRST_BYTE),
    Row(PACED, "cpu", CPU, Goal(ADDON, 0.40)),
    Row(PACED, "first_byte", FIRST_BYTE, Goal(PLAIN, 1)),
    Row(BURST, "instructions", INSTRUCTIONS),
    Row(BURST, "cpu", CPU, Goal(ADDON, 0.28)),
    Row(BURST, "first_byte", FIRST_BYTE),
    Row(CHAT_BURST, "instructions", INSTRUCTIONS, Goal(SERVING, 1.1)),
    Row(CHAT_BURST, "cpu", CPU, Goal(SERVING, 1.1)),
    Row(CROWD, "cpu", CPU),
    Row(CROWD, "first_byte", FIRST_BYTE, Goal(ADDON, 0.30)),
    Row(CROWD, "first_byte_p99", f"{FIRST_BYTE}, p99", Goal(PLAIN, 1)),
    Row(LARGE, "cpu", CPU, Goal(PLAIN, 1)),
    Row(LARGE, "first_byte", FIRST_BYTE),
    Row(LARGER, "cpu", CPU, Goal(PLAIN, 1)),
    Row(LARGER, "first_byte", FIRST_BYTE),
    Row(HISTORY, "instructions", INSTRUCTIONS),
    Row(HISTORY, "cpu", CPU, Goal(PLAIN, 1.8)),
    Row(HISTORY, "first_byte", FIRST_BYTE),
    Row(HISTORY_MORE, "instructions", INSTRUCTIONS),
    Row(HISTORY_MORE, "cpu", CPU, Goal(PLAIN, 1.3)),
    Row(HISTORY_BESIDE, "way", ON_THE_WAY),
    Row(LONG, "instructions", INSTRUCTIONS),
    Row(LONG, "cpu", CPU, Goal(PLAIN, 2.2)),
    Row(LONG, "first_byte", FIRST_BYTE),
    Row(LONG_MORE, "instructions", INSTRUCTIONS),
    Row(LONG_MORE, "cpu", CPU, Goal(PLAIN, 1.4)),
    Row(LONG_BESIDE, "way", ON_THE_WAY),
    Row(POLICY, "instructions", INSTRUCTIONS, Goal(PLAIN, 0.18)),
    Row(POLICY, "cpu", CPU),
    Row(STRANGER, "instructions", INSTRUCTIONS, Goal(PLAIN, 0.14)),
    Row(STRANGER, "cpu", CPU),
    Row(START, "start", "s to the first served call", Goal(PLAIN, 1.2)),
    Row(START, "memory", "MB at rest after it", Goal(PLAIN, 1, plus=22)),
)
