"""``demo``: the main job end to end, with a simulated provider in OpenAI's place."""

import hashlib
import http.client
import json
import queue
import secrets
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from addons.foundry.caller import SCOPE
from addons.foundry.paths import PATH
from addons.process.banner import MODEL, Listening, try_by_hand
from addons.simulator.provider import SimulatedProvider
from addons.values.program import PROGRAM

PROJECT: Final = "ri.compass.main.folder.0b5f7a0e-demo"
START_SECONDS: Final = 30.0
SHOWN: Final = (
    (
        "policy.decision",
        "call.outcome",
        "http.response.status_code",
        "error.type",
        "policy.param",
        "policy.rule",
        "policy.changes",
    ),
    ("caller", "foundry.attribution", "trace_id"),
    ("foundry.model.rid", "gen_ai.request.model", "region"),
    ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "usage.status", "duration.sidecar"),
)
"""What of a record is shown, in its groups: the verdict, who, which model, and what it took."""

WIDTH: Final = 100

NEXT: Final = f"""
== What next

   {PROGRAM} demo --stay                      the same, and it stays up: calls by hand, without a key
   {PROGRAM} simulate                         the simulated provider alone; it says how start is pointed at it
   OPENAI_API_KEY=sk-… {PROGRAM} start        the sidecar with a key of your own
   OPENAI_API_KEY=sk-… {PROGRAM} web          the same, and the traffic on a page"""


@dataclass(frozen=True)
class Example:
    title: str
    body: Mapping[str, Any]
    token: str = "may-use-models"  # noqa: S105 - a name of one, see `_tokens`


EXAMPLES: Final = (
    Example("A call answered in one piece", {"model": MODEL, "input": "Hello, world"}),
    Example("A call answered as a stream", {"model": MODEL, "input": "Hello, world", "stream": True}),
    Example("Refused: the token lacks the scope", {"model": MODEL, "input": "Hello"}, token="may-not"),  # noqa: S106 - a name
    Example("Refused: the provider would keep the conversation", {"model": MODEL, "input": "Hello", "store": True}),
    Example("Refused: a model that is not a Foundry model", {"model": "gpt-5.2", "input": "Hello"}),
)


class Sidecar:
    """A sidecar in a process of its own, and the records it writes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def event(self, name: str) -> dict[str, Any]:
        """The next record with this event name; raises RuntimeError when the sidecar ends before."""
        while (record := self._lines.get(timeout=START_SECONDS)) is not None:
            if record.get("event") == name:
                return record
        raise RuntimeError("the sidecar ended; its output is above")

    def stop(self) -> None:
        self._process.terminate()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            try:
                self._lines.put(json.loads(line))
            except ValueError:
                sys.stderr.write(line)
        self._lines.put(None)


@dataclass(frozen=True)
class Stage:
    address: str
    tokens: Mapping[str, str]
    sidecar: Sidecar
    provider: SimulatedProvider
    key: str


def demo(*, stay: bool) -> int:
    """Prints each example with its answer, its record and what reached the provider; 1 when one went wrong."""
    key = f"provider-key-{secrets.token_hex(8)}"
    tokens = {name: f"{name}.{secrets.token_hex(8)}" for name in ("may-use-models", "may-not")}
    with tempfile.TemporaryDirectory(prefix="foundry-sidecar-demo-") as name:
        directory = Path(name)
        with (
            SimulatedProvider(api_key=key, directory=directory) as provider,
            _sidecar(_configuration(directory, provider, key, tokens)) as sidecar,
        ):
            address = sidecar.event("listening")["addresses"][0]
            stage = Stage(address, tokens, sidecar, provider, key)
            print(f"The sidecar listens on {address}; a simulated provider stands in for OpenAI at {provider.url}.")
            results = [_show(example, stage) for example in EXAMPLES]
            if stay:
                _by_hand(address, tokens["may-use-models"], directory)
                _wait()
            else:
                print(NEXT)
    return 0 if all(results) else 1


def _configuration(directory: Path, provider: SimulatedProvider, key: str, tokens: Mapping[str, str]) -> Path:
    (directory / "key").write_text(key)
    registry = [
        {
            "sha256": hashlib.sha256(token.encode()).hexdigest(),
            "subject": f"demo-{name}",
            "scopes": [SCOPE] if name == "may-use-models" else ["api:something-else"],
        }
        for name, token in tokens.items()
    ]
    document = {
        "listen": {"reverse": "127.0.0.1:0", "certificates": str(directory)},
        "provider": {
            "zero_data_retention": "attested",
            "trusted_ca": str(provider.ca_file),
            "regions": {"global": {"url": provider.url, "api_key": {"file": str(directory / "key")}}},
        },
        "caller": {"verifier": "registry", "registry": {"file": str(directory / "tokens.yaml")}},
        "log": {"format": "json"},
    }
    for file, content in (("tokens.yaml", registry), ("sidecar.yaml", document)):
        with (directory / file).open("w") as stream:
            YAML(typ="safe").dump(content, stream)
    return directory / "sidecar.yaml"


@contextmanager
def _sidecar(config: Path) -> Iterator[Sidecar]:
    command = [sys.executable, "-P", "-m", "addons", "start", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own words
        sidecar = Sidecar(process)
        try:
            yield sidecar
        finally:
            sidecar.stop()


def _show(example: Example, stage: Stage) -> bool:
    """Plays one example; whether it went as its title says."""
    stage.provider.clear()
    status, text = _post(stage.address, stage.tokens[example.token], example.body)
    record = stage.sidecar.event("call")
    print(f"\n== {example.title}")
    _say("sent", json.dumps(example.body))
    _say("got", f"{status} {text}")
    if seen := stage.provider.calls:
        body = json.loads(seen[0].body)
        owner = "the provider's" if seen[0].values("authorization") == [f"Bearer {stage.key}"] else "NOT the provider's"
        _say("left as", f"POST {seen[0].target} with {owner} key, model={body['model']} store={body['store']}")
    elif stage.provider.dialled == 0:
        _say("left as", "nothing; the provider was not dialled")
    _say("record", "")
    for group in SHOWN:
        for name in group:
            if name in record:
                value = record[name]
                print(f"     {name + ':':<28}{', '.join(value) if isinstance(value, list) else value}")
    expected_to_leave = not example.title.startswith("Refused")
    return (status == http.client.OK) == expected_to_leave == bool(seen)


def _say(label: str, text: str) -> None:
    """A labelled paragraph, no wider than a terminal."""
    paragraph = textwrap.TextWrapper(WIDTH, "   ", " " * 12, break_on_hyphens=False, break_long_words=False)
    print(paragraph.fill(f"{label + ':':<9}{text}"))


def _post(address: str, token: str, body: Mapping[str, Any]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "attribution": PROJECT}
    connection.request("POST", PATH, json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    if "event-stream" in response.headers.get("Content-Type", ""):
        events = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
        return response.status, f"{len(events)} events, from {events[0]} to {events[-1]}"
    document = json.loads(text)
    if document.get("error"):
        return response.status, document["error"]["message"]
    return response.status, document["output"][-1]["content"][0]["text"]


def _by_hand(address: str, token: str, directory: Path) -> None:
    listening = Listening([address], str(directory / "mitmproxy-ca-cert.pem"), token=token)
    print("\n== Try it by hand", *try_by_hand(listening), sep="\n")


def _wait() -> None:
    print("\nThe sidecar stays up; press Ctrl-C to end it.", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
