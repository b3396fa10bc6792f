"""What ``explain`` can read: bodies, folders, recordings, saved flows and collected records.

Each thing found is a request, a record, or a sentence that says why it can't be judged.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from addons.apis.table import APIS
from addons.cassettes.cassette import Cassette, CassetteError, parse
from addons.cassettes.redaction import is_mark
from addons.foundry.models import Model
from addons.inspecting.explained_flows import are_flows, from_flows, read_flows
from addons.inspecting.explanation import Asked, from_body, to_api

STDIN: Final = "-"

SIGNATURES: Final[Mapping[bytes, str]] = {
    b"\x1f\x8b": "is compressed with gzip; unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; unpack it first",
    b"PK\x03\x04": "is a ZIP archive; unpack it first",
    b"SQLite format 3\0": "is a database; a ledger holds no bodies",
}
"""What is not read, by the bytes it begins with."""

OTHER_LINES: Final = "holds JSON lines that are neither a recording nor records of calls"
NO_KIND: Final = "is neither a body (*.json), a recording, saved flows nor collected records"
AS_IT_LEFT: Final = "assumed: a valid caller's headers; the body is the one that was sent, without what was taken out"


class Unread(NamedTuple):
    """What could not be judged, and why, as the rest of a sentence."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


class Recorded(NamedTuple):
    """A collected record of one call. There is no body in it."""

    name: str
    record: Mapping[str, Any]


_APIS: Final = {api.name: api for api in APIS}

type Found = Asked | Recorded | Unread


class Reader:
    """``host`` is one that is served. ``models`` are those that a recording's names of models are looked up in."""

    def __init__(self, host: str, models: Iterable[Model]) -> None:
        self._host = host
        self._models = tuple(models)
        self._rids = {
            name: model.rid
            for model in self._models
            for name in (model.provider_model, *model.snapshot.values())
            if name
        }

    def read(self, files: Iterable[str]) -> Iterator[Found]:
        for file in files:
            if file == STDIN:
                yield from self._content("the body", sys.stdin.buffer.read(), alone=True)
            elif Path(file).is_dir():
                for path in sorted(each for each in Path(file).rglob("*") if each.is_file()):
                    yield from self._file(path, str(path.relative_to(file)), alone=False)
            else:
                yield from self._file(Path(file), Path(file).name, alone=True)

    def _file(self, path: Path, name: str, *, alone: bool) -> Iterator[Found]:
        try:
            content = path.read_bytes()
        except OSError as error:
            yield Unread(str(path), f"can't be read: {error.strerror}")
        else:
            yield from self._content(name, content, alone=alone or path.suffix == ".json")

    def _content(self, name: str, content: bytes, *, alone: bool) -> Iterator[Found]:
        """``alone``: what is of no known kind is a body, and judged as such."""
        for signature, why in SIGNATURES.items():
            if content.startswith(signature):
                yield Unread(name, why)
                return
        first, more = _first_lines(content)
        if are_flows(content):
            yield from _flows(name, content)
        elif "cassette" in first:
            yield from self._recording(name, content)
        elif records := list(_records(content)):
            yield from records
        elif more:
            yield Unread(name, OTHER_LINES)
        elif isinstance(log := _object(content).get("log"), dict) and "entries" in log:
            yield Unread(name, "is a HAR file, which is not read; save flows with mitmproxy instead")
        elif alone:
            yield from_body(name, content, self._host, self._models)
        else:
            yield Unread(name, NO_KIND)

    def _recording(self, name: str, content: bytes) -> Iterator[Found]:
        try:
            cassette = parse(name, content.decode())
        except (CassetteError, UnicodeDecodeError) as error:
            yield Unread(name, f"is no whole recording: {error}")
        else:
            yield from self._recorded(cassette)

    def _recorded(self, cassette: Cassette) -> Iterator[Found]:
        for number, call in cassette.calls.items():
            name, model = f"{cassette.name}:{number}", call.request.get("model")
            if is_mark(call.request):
                yield Unread(name, "of its body only a mark was kept")
            elif call.api not in _APIS:
                yield Unread(name, f"went to the API {call.api!r}, which this version does not know")
            elif not isinstance(model, str) or model not in self._rids:
                yield Unread(name, f"no model of the catalogue is called {model!r} by the provider")
            else:
                body = json.dumps({**call.request, "model": self._rids[model]}).encode()
                asked = to_api(_APIS[call.api], name, body, self._host)
                yield replace(asked, assumed=AS_IT_LEFT, redacted=cassette.header.content == "redacted")


def _flows(name: str, content: bytes) -> Iterator[Found]:
    try:
        flows = read_flows(content)
    except ValueError as error:
        yield Unread(name, str(error))
        return
    for found in from_flows(flows):
        if isinstance(found, str):
            yield Unread(*found.split(": ", 1))
        else:
            yield found


def _records(content: bytes) -> Iterator[Recorded]:
    """The records of calls in a log, whatever else stands between; each call's once."""
    seen: set[str] = set()
    for line in content.splitlines() if b'"call.id"' in content else ():
        record = _object(line[line.find(b"{") :])  # a collector may write something in front
        if record.get("event") == "call" and (identity := str(record.get("call.id"))) not in seen:
            seen.add(identity)
            yield Recorded(f"call {identity}", record)


def _first_lines(content: bytes) -> tuple[dict[str, Any], bool]:
    """The first line as a JSON object, empty where it is none; and whether the second is one too."""
    lines = [line for line in content.split(b"\n", 2)[:2] if line.strip()]
    first, second = [*map(_object, lines), {}, {}][:2]
    return first, bool(first and second)


def _object(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
