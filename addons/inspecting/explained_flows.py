"""Flows as requests to explain: saved ones from a file, and those of a running proxy."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from mitmproxy import flow, http
from mitmproxy import io as flow_io
from mitmproxy.exceptions import FlowReadException

from addons.inspecting.explanation import Asked
from addons.inspecting.originals import Original, header_table, original
from addons.values.program import PROGRAM

_SAVED: Final = re.compile(rb"[0-9]{1,12}:")
"""How a file of saved flows begins (a tnetstring's length); no JSON object does."""

NOT_KEPT: Final = (
    f"holds only the request that left, not the caller's own; {PROGRAM} web keeps that beside it (up to 1 MiB)"
)


def are_flows(content: bytes) -> bool:
    return _SAVED.match(content) is not None


def read_flows(content: bytes) -> list[flow.Flow]:
    """The flows of a saved file.

    Raises:
        ValueError: it is damaged, or of a version this mitmproxy can't read.
    """
    try:
        return list(flow_io.FlowReader(io.BytesIO(content)).stream())
    except FlowReadException as error:
        raise ValueError(f"not readable as saved flows: {error}") from None


def from_flows(flows: Iterable[flow.Flow]) -> Iterator[Asked | str]:
    """Each HTTP exchange as a request to explain, or a sentence saying why it can't be."""
    for number, each in enumerate(flows, 1):
        if not isinstance(each, http.HTTPFlow):
            continue
        record = each.metadata.get("sidecar", {})
        name = f"flow {number}" + (f" (call {record['call.id']})" if "call.id" in record else "")
        sent = original(each)
        if sent is None:
            ended = record.get("call.outcome", record.get("policy.decision", "let out"))  # the latter by 0.1
            yield f"{name}: {NOT_KEPT}. At the time it was {ended}"
        else:
            yield _asked(name, sent, each.client_conn.sni, record)


def _asked(name: str, sent: Original, server_name: str | None, record: Mapping[str, Any]) -> Asked:
    target, authority = sent.target, ""
    if "://" in target.partition("?")[0]:
        url = urlsplit(target)
        authority, target = url.netloc, url._replace(scheme="", netloc="").geturl() or "/"
    return Asked(
        name=name,
        headers=header_table(sent.headers),
        body=sent.body,
        method=sent.method,
        target=target,
        authority=authority,
        server_name=server_name,
        caller=record.get("caller"),
        projects=tuple(record.get("foundry.attribution", ())),
    )
