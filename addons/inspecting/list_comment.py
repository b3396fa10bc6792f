"""What stands in mitmweb's list beside a call."""

import time
from typing import Final

from mitmproxy import http
from mitmproxy.utils.emoji import emoji

from addons.bodies.conversation import Conversation
from addons.call import Call
from addons.inspecting.turns import last_said

WORDS: Final = 60
"""Characters shown of the last user message in a list."""

FILLER: Final = "\N{EM SPACE}" * 160
"""Stands behind a comment: mitmweb sets comments to the right, but for those that its column has no room for."""


def list_comment(flow: http.HTTPFlow, comment: str, call: Call) -> str:
    """With the marker, which the page draws in the path column alone; with the time of day, here; and with the first
    words of what the app's user said last: a flow holds bodies anyway, and no record may.
    """
    at = time.strftime("%H:%M:%S", time.localtime(flow.timestamp_created))
    comment = f"{emoji[flow.marked]} {at} {comment}"
    said = " ".join((_said(call.api.reader.request(call.document)) if call.api else "").split())
    cut = said if len(said) <= WORDS else f"{said[: WORDS - 1]}…"
    return (f"{comment} · “{cut}”" if cut else comment) + FILLER


def _said(asked: Conversation) -> str:
    """Of embeddings, which are no conversation, the first text."""
    given = asked.texts.get("input")
    first = given[0] if isinstance(given, list) and given else given
    return last_said(asked.items) or (first if isinstance(first, str) else "")
