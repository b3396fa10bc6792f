"""Which functions are called while a test runs."""

import sys
from types import CodeType
from typing import Final

from tests.mutation.in_place import Place, place
from tests.mutation.rooms import ROOT

_ADDONS: Final = str(ROOT / "addons") + "/"
_TOOL: Final = sys.monitoring.COVERAGE_ID


class Covering:
    """Notes the functions of ``addons`` that are called, in whatever thread, from when it is made."""

    def __init__(self) -> None:
        self._called: set[Place] = set()
        self._places: dict[CodeType, Place] = {}  # one for each code, which makes what is handed on small
        sys.monitoring.use_tool_id(_TOOL, "mutants")
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.PY_START, self._note)
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.PY_START)

    def taken(self) -> frozenset[Place]:
        """What was called since the last time."""
        taken = frozenset(self._called)
        self._called.clear()
        sys.monitoring.restart_events()
        return taken

    def end(self) -> None:
        sys.monitoring.free_tool_id(_TOOL)

    def _note(self, code: CodeType, _: int) -> object:
        if code.co_filename.startswith(_ADDONS):
            if (at := self._places.get(code)) is None:
                at = self._places[code] = place(code)
            self._called.add(at)
        return sys.monitoring.DISABLE  # until it is asked again
