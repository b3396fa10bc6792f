"""The provider that answers from a cassette, seen from the wire."""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from addons.cassettes.cassette import Cassette, Header, RecordedAnswer, RecordedCall
from addons.simulator.player import Player

JSON = (("content-type", "application/json"), ("x-request-id", "req_1"))
EVENTS = (("content-type", "text/event-stream; charset=utf-8"),)
ANSWERS = {
    "json": RecordedAnswer(status=200, headers=JSON, began=0, pieces=((0, '{"ü": 1}'),), ended="whole"),
    "stream": RecordedAnswer(
        status=200, headers=EVENTS, began=0, pieces=((0, "data: 1\n\n"), (1, "data: 2\n\n")), ended="whole"
    ),
    "cut stream": RecordedAnswer(status=200, headers=EVENTS, began=0, pieces=((0, "data: 1\n\n"),), ended="cut"),
    "cut json": RecordedAnswer(status=200, headers=JSON, began=0, pieces=((0, '{"a'),), ended="cut"),
    "error": RecordedAnswer(
        status=429, headers=(*JSON, ("retry-after", "2")), began=0, pieces=((0, "{}"),), ended="whole"
    ),
    "nothing": RecordedAnswer(status=500, began=0, ended="whole"),
}


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    calls = {
        number: RecordedCall(request={"model": "m", "input": name}, answer=answer)
        for number, (name, answer) in enumerate(ANSWERS.items(), 2)
    }
    cassette = Cassette("calls.jsonl", Header(content="kept", salt=""), calls)
    with Player(cassette, api_key="key", directory=tmp_path_factory.mktemp("player")) as player:
        yield player


@contextmanager
def ask(player: Player, name: str, key: str = "key") -> Iterator[http.client.HTTPResponse]:
    context = ssl.create_default_context(cafile=str(player.ca_file))
    with closing(http.client.HTTPSConnection("127.0.0.1", player.port, timeout=30, context=context)) as connection:
        body = json.dumps({"model": "m", "input": name})
        connection.request("POST", "/v1/responses", body, {"Authorization": f"Bearer {key}"})
        with connection.getresponse() as response:
            yield response


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer(player: Player, name: str) -> None:
    answer = ANSWERS[name]
    with ask(player, name) as response:
        framing = "Transfer-Encoding" if "stream" in name or "cut" in name else "Content-Length"
        assert response.status == answer.status
        assert [(header, value) for header, value in response.getheaders() if header != framing] == [*answer.headers]
        said = "".join(text for _, text in answer.pieces).encode()
        if answer.ended == "cut":
            with pytest.raises(http.client.IncompleteRead) as raised:
                response.read()
            assert raised.value.partial == said
        else:
            assert response.read() == said


def test_the_key_is_asked_for(player: Player) -> None:
    with ask(player, "json", key="another") as response:
        assert response.status == 401
        response.read()
