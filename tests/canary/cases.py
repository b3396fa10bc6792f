"""Every way a secret may come in, case by case: what a caller sends, and what the provider says to it."""

import base64
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt

from tests.canary import servers
from tests.canary.faulty import EVERYWHERE
from tests.canary.planted import Canaries
from tests.canary.servers import Answer
from tests.conftest import MODEL, PATH
from tests.proxy.client import request_bytes

CREDENTIALS: Final = frozenset({"token", "cookie", "credentials", "query"})
"""What a caller proves itself by, or would have anybody else keep for itself."""

CONTENT: Final = frozenset({"prompt", "arguments", "metadata", "malformed", "answer"})
OPERATORS: Final = frozenset({"provider key", "client secret"})
ALL: Final = CREDENTIALS | CONTENT | OPERATORS

DENIED: Final = "ri.language-model-service..language-model.gpt-5-1"
SCARCE: Final = "ri.language-model-service..language-model.gpt-5"
LARGEST: Final = 200_000
"""``policy.max_body_bytes`` here."""

LIMITS: Final = {"user": {"default": {DENIED: {"tokens_per_minute": 0}, SCARCE: {"requests_per_minute": 1}}}}


class Planting:
    """What one case plants; ``key`` is the provider's own."""

    def __init__(self, canaries: Canaries, where: str, key: str) -> None:
        self._canaries = canaries
        self.where = where
        self.key = key

    def __call__(self, kind: str) -> str:
        return self._canaries.plant(kind, self.where)

    def token(self) -> str:
        return f"tok/{self('token')}+~="

    def phrase(self, kind: str = "prompt") -> str:
        return f'My {kind}: "{self(kind)}", and \N{SNOWMAN} no more'

    def body(self, **members: Any) -> dict[str, Any]:
        """A request with something to hide in each of its parts; None takes a member out."""
        history: list[dict[str, Any]] = [
            {"role": "user", "content": [{"type": "input_text", "text": self.phrase()}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": json.dumps({"a": self("arguments")})},
            {"type": "function_call_output", "call_id": "c", "output": self.phrase("arguments")},
        ]
        body: dict[str, Any] = {
            "model": MODEL,
            "input": history,
            "instructions": self.phrase(),
            "metadata": {"note": self.phrase("metadata")},
            "user": self("metadata"),
            "tools": [
                {"type": "function", "name": "f", "description": self.phrase(), "parameters": {"x": self("prompt")}}
            ],
        } | members
        return {name: value for name, value in body.items() if value is not None}

    def request(
        self, body: Any = None, *, headers: Sequence[tuple[str, str]] = (), anonymous: bool = False, **how: Any
    ) -> bytes:
        """A request with every kind of credentials in its headers."""
        usual = [
            ("Authorization", f"Bearer {self.token()}"),
            ("Proxy-Authorization", f"Basic {base64.b64encode(self('credentials').encode()).decode()}"),
            ("Cookie", f"session={self('cookie')}"),
            ("X-Api-Key", self("credentials")),
            ("Api-Key", self("credentials")),
        ]
        given = {name.lower() for name, _ in headers} | ({"authorization"} if anonymous else set())
        chosen = [*(each for each in usual if each[0].lower() not in given), *headers]
        return request_bytes(self.body() if body is None else body, headers=chosen, **how)


type Request = Callable[[Planting], bytes]
type Reply = Callable[[Planting], Answer]


@dataclass(frozen=True)
class Case:
    """``statuses`` are those the caller may get; 0: the connection ends without an answer."""

    name: str
    statuses: tuple[int, ...]
    request: Request = lambda plant: plant.request()
    reply: Reply = lambda plant: lambda _head, _body: servers.whole(200, servers.response(plant.phrase("answer")))


def says(*answer: Any) -> Reply:
    """The provider answers so; a function among the arguments is given the Planting."""

    def reply(plant: Planting) -> Answer:
        return lambda _head, _body: servers.whole(*(each(plant) if callable(each) else each for each in answer))

    return reply


def raw(answer: Callable[[Planting, bytes, bytes], bytes]) -> Reply:
    return lambda plant: lambda head, body: answer(plant, head, body)


def error(code: str = "some_code") -> Callable[[Planting], Any]:
    """An error object that quotes what it can."""
    return lambda plant: {
        "error": {"message": plant.phrase("answer"), "type": "invalid_request_error", "code": code, "param": "input"}
    }


def quoting(_plant: Planting, head: bytes, body: bytes) -> bytes:
    """The whole request, key and all, in each member of an error."""
    text = head.decode("latin-1") + body.decode()
    return servers.whole(400, {"error": {"message": text, "type": text, "code": text, "param": text}})


def page(text: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n{text}".encode()


def bad_chunk(text: str) -> bytes:
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
    return f"{head}\r\n\r\n{text}\r\n".encode()


def failed(text: str) -> dict[str, Any]:
    return servers.response("") | {"status": "failed", "error": {"code": text, "message": text}}


def escaped(text: str) -> bytes:
    return "".join(f"\\u{ord(character):04x}" for character in text).encode()


def deltas(plant: Planting, *, complete: bool) -> bytes:
    done = servers.response(plant.phrase("answer"))
    created = {"type": "response.created", "response": {**done, "output": []}}
    delta = {"type": "response.output_text.delta", "delta": plant.phrase("answer")}
    last = [{"type": "response.completed", "response": done}] if complete else []
    return servers.stream(created, delta, *last, complete=complete)


def scopes(*names: str, plant: Planting) -> tuple[str, str]:
    claims = {"sub": "somebody", "scope": " ".join(names), "note": plant("token")}
    return "Authorization", f"Bearer {jwt.encode(claims, 'a key of nobody that is long enough', 'HS256')}"


def asks(**members: Any) -> Request:
    return lambda plant: plant.request(
        plant.body(**{name: value(plant) if callable(value) else value for name, value in members.items()})
    )


def has(name: str, value: Callable[[Planting], str], **how: Any) -> Request:
    return lambda plant: plant.request(headers=[(name, value(plant))], **how)


def sends(body: Callable[[Planting], bytes], *headers: tuple[str, str]) -> Request:
    return lambda plant: plant.request(body(plant), headers=headers)


def line(text: Callable[[Planting], str]) -> Request:
    """A head with this line in it, before the empty one."""

    def request(plant: Planting) -> bytes:
        head, _, body = plant.request().partition(b"\r\n\r\n")
        return head + b"\r\n" + text(plant).encode() + b"\r\n\r\n" + body

    return request


SERVED: Final = (
    Case("json", (200,)),
    Case("stream", (200,), asks(stream=True), raw(lambda plant, _h, _b: deltas(plant, complete=True))),
    Case(
        "compressed",
        (200,),
        lambda p: p.request(gzip.compress(json.dumps(p.body()).encode()), headers=[("Content-Encoding", "gzip")]),
    ),
    Case("query", (200,), lambda p: p.request(target=f"{PATH}?access_token={p('query')}")),
    Case("session and ids", (200,), has("X-Palantir-Session-Id", lambda p: p("credentials"))),
    Case(
        "other headers",
        (200,),
        lambda p: p.request(
            headers=[
                (name, p("credentials"))
                for name in (
                    "Forwarded",
                    "X-Forwarded-For",
                    "X-Forwarded-Authorization",
                    "X-Stainless-Lang",
                    "X-Codex-Turn-State",
                    "Openai-Organization",
                    "Openai-Project",
                    "X-Goog-Api-Key",
                    "Referer",
                    "Origin",
                    "Baggage",
                )
            ]
        ),
    ),
)

REFUSED: Final = (
    # -- route
    Case("path", (404,), lambda p: p.request(target=f"/api/v2/{p('malformed')}")),
    Case("host", (404,), lambda p: p.request(host=f"{p('malformed')}.example")),
    Case("method", (405,), lambda p: p.request(method="PUT")),
    Case("websocket", (426,), has("Upgrade", lambda _: "websocket")),
    Case("disguised target", (400,), lambda p: p.request(target=f"{PATH}/..;{p('malformed')}")),
    Case(
        "absolute target", (400,), lambda p: p.request(target=f"http://u:{p('query')}@localhost{PATH}?t={p('query')}")
    ),
    Case("long target", (414,), lambda p: p.request(target=PATH + "?" + p("query") * 300)),
    Case("large headers", (431,), has("X-Large", lambda p: p("credentials") * 2000)),
    # -- caller
    Case(
        "no bearer",
        (401,),
        lambda p: p.request(anonymous=True, without=["Authorization"], headers=[("X-Token", p("token"))]),
    ),
    Case("malformed bearer", (401,), has("Authorization", lambda p: f"Bearer {p.token()} {p.token()}")),
    Case("basic", (401,), has("Authorization", lambda p: "Basic " + base64.b64encode(p("token").encode()).decode())),
    Case("two bearers", (401,), lambda p: p.request(headers=[("Authorization", f"Bearer {p.token()}")] * 2)),
    Case("scope", (403,), lambda p: p.request(headers=[scopes("api:other", plant=p)])),
    # -- request
    Case("attribution", (400,), has("Attribution", lambda p: p("prompt"))),
    Case(
        "attribution, nearly",
        (400,),
        has("Attribution", lambda p: f"ri.compass.main.folder.a, ri.compass.{p('malformed')}"),
    ),
    Case("content type", (415,), has("Content-Type", lambda p: f"text/{p('malformed')}")),
    Case("encoding", (415,), has("Content-Encoding", lambda p: p("malformed"))),
    Case(
        "broken gzip", (400,), sends(lambda p: b"\x1f\x8b\x08" + p("malformed").encode(), ("Content-Encoding", "gzip"))
    ),
    Case("empty", (400,), sends(lambda _: b"  ")),
    Case("cut short", (400,), sends(lambda p: json.dumps(p.body()).encode()[:-20])),
    Case("no JSON", (400,), sends(lambda p: p.phrase("malformed").encode())),
    Case("no UTF-8", (400,), sends(lambda p: b'{"input": "' + p("malformed").encode() + b'\xff"}')),
    Case("duplicate key", (400,), sends(lambda p: b'{"%s": 1, "%s": 2}' % ((p("malformed").encode(),) * 2))),
    Case("bad escape", (400,), sends(lambda p: b'{"input": "\\q%s"}' % p("malformed").encode())),
    Case("NaN", (400,), sends(lambda p: b'{"input": "%s", "top_p": NaN}' % p("malformed").encode())),
    Case("a list", (400,), sends(lambda p: json.dumps([p("malformed")]).encode())),
    Case("deep", (400,), asks(metadata=lambda p: json.loads("[" * 70 + f'"{p("metadata")}"' + "]" * 70))),
    Case("too large", (413,), sends(lambda p: p("malformed").encode() * 10_000)),
    Case(
        "bomb",
        (413,),
        lambda p: p.request(
            gzip.compress(p("malformed").encode() + bytes(400_000)), headers=[("Content-Encoding", "gzip")]
        ),
    ),
    # -- body
    Case("unknown field", (400,), asks(remember=lambda p: p("prompt"))),
    Case("wrong type", (400,), asks(temperature=lambda p: p("prompt"))),
    Case("store", (400,), asks(store=True)),
    Case("conversation", (400,), asks(conversation=lambda p: p("prompt"))),
    Case("metadata too long", (400,), asks(metadata=lambda p: {"k": p("metadata") * 20})),
    Case("unknown tool", (400,), asks(tools=lambda p: [{"type": p("prompt")}])),
    Case("unknown item", (400,), asks(input=lambda p: [{"type": p("prompt")}])),
    Case("unknown value", (400,), asks(service_tier=lambda p: p("prompt"))),
    Case(
        "mcp",
        (400,),
        asks(tools=lambda p: [{"type": "mcp", "server_url": p("arguments"), "authorization": p("arguments")}]),
    ),
    Case(
        "file",
        (400,),
        asks(
            input=lambda p: [
                {"role": "user", "content": [{"type": "input_file", "file_url": f"https://{p('prompt')}"}]}
            ]
        ),
    ),
    Case(
        "scheme",
        (400,),
        asks(input=lambda p: [{"role": "user", "content": [{"type": "input_image", "image_url": p("prompt")}]}]),
    ),
    # -- model and limits
    Case("no model", (400,), asks(model=None)),
    Case("no RID", (400,), asks(model=lambda p: p("prompt"))),
    Case("model of another kind", (400,), asks(model=lambda p: [p("prompt")])),
    Case("unknown RID", (404,), asks(model="ri.language-model-service..language-model.gpt-17")),
    Case("another provider's", (404,), asks(model="ri.language-model-service..language-model.anthropic-claude-4")),
    Case("denied", (403,), asks(model=DENIED)),
    Case("scarce", (200,), asks(model=SCARCE)),
    Case("over the limit", (429,), asks(model=SCARCE)),
)

MALFORMED: Final = (
    Case("no colon", (400,), line(lambda p: f"X-Secret {p('token')}")),
    Case("space before the colon", (400,), line(lambda p: f"Authorization : Bearer {p('token')}")),
    Case("two lengths", (400,), line(lambda p: f"Content-Length: 1\r\nX-Token: {p('token')}")),
    Case("length of letters", (400,), line(lambda p: f"Content-Length: {p('malformed')}")),
    Case("coding", (400,), line(lambda p: f"Transfer-Encoding: {p('malformed')}")),
    Case("control character", (200, 400), line(lambda p: f"X-Token: {p('token')}\x00")),
    Case("request line", (400,), lambda p: f"POST {p('token')} and more HTTP/1.1\r\n\r\n".encode()),
    Case("version", (400,), lambda p: f"POST / HTTP/{p('token')}\r\n\r\n".encode()),
    Case("CONNECT", (404,), lambda p: f"CONNECT {p('malformed')}:443 HTTP/1.1\r\nHost: x\r\n\r\n".encode()),
    Case("no HTTP", (400,), lambda p: f"\x01\x02{p('token')}\r\n\r\n".encode()),
    Case("a key as it is", (400,), lambda p: f"{p('token')}\r\n\r\n".encode()),
)

PROVIDER: Final = (
    Case("400", (400,), reply=says(400, error())),
    Case("400 that quotes the request", (400,), reply=raw(quoting)),
    Case("400 with a code of its own", (400,), reply=says(400, lambda p: error(p.phrase("answer"))(p))),
    Case("409", (400,), reply=says(409, error())),
    Case("413", (413,), reply=says(413, error())),
    Case("422", (400,), reply=says(422, error())),
    Case("401", (500,), reply=says(401, error("invalid_api_key"))),
    Case("401 that quotes the key", (500,), reply=says(401, lambda p: {"error": {"message": p.key, "code": p.key}})),
    Case("403", (500,), reply=says(403, error())),
    Case("404", (404,), reply=says(404, error("model_not_found"))),
    Case("429", (429,), reply=says(429, error("rate_limit_exceeded"), "Retry-After: 1")),
    Case(
        "429 that quotes the key",
        (429,),
        reply=says(429, lambda p: {"error": {"message": p.key}}, "X-RateLimit-Note: x"),
    ),
    Case("429 that quotes the key in a header", (429,), reply=says(429, {}, lambda p: f"x-ratelimit-note: {p.key}")),
    Case(
        "429 that escapes the key", (429,), reply=says(429, lambda p: b'{"error": {"message": "%s"}}' % escaped(p.key))
    ),
    Case("quota", (503,), reply=says(429, error("insufficient_quota"))),
    Case("500", (500,), reply=says(500, error())),
    Case("503", (503,), reply=says(503, error())),
    Case("redirect", (500,), reply=says(307, b"", lambda p: f"Location: https://{p('answer')}.example/")),
    Case("a page", (500,), reply=raw(lambda p, _h, _b: page(p("answer")))),
    Case("an answer that is no JSON", (200,), reply=says(200, lambda p: p.phrase("answer").encode())),
    Case("no HTTP back", (500, 503), reply=raw(lambda p, h, _b: f"{p('answer')} {p.key} {h!r}\r\n\r\n".encode())),
    Case(
        "a broken header back",
        (500, 503),
        reply=raw(lambda p, _h, _b: f"HTTP/1.1 200 OK\r\n{p.key} {p('answer')}\r\n\r\n".encode()),
    ),
    Case(
        "a length of letters back",
        (500, 503),
        reply=raw(lambda p, _h, _b: f"HTTP/1.1 200 OK\r\nContent-Length: {p('answer')}\r\n\r\n".encode()),
    ),
    Case("a bad chunk back", (0, 200, 500, 503), reply=raw(lambda p, _h, _b: bad_chunk(p("answer")))),
    Case("silence", (500,), reply=lambda _plant: lambda _head, _body: None),
    Case(
        "a stream that breaks off", (200,), asks(stream=True), raw(lambda plant, _h, _b: deltas(plant, complete=False))
    ),
    Case(
        "an error event",
        (200,),
        asks(stream=True),
        raw(
            lambda p, _h, _b: servers.stream(
                {"type": "error", "code": p.phrase("answer"), "message": p.phrase("answer")}
            )
        ),
    ),
    Case("failed", (200,), reply=says(200, lambda p: failed(p.phrase("answer")))),
    Case(
        "what should not be echoed",
        (200,),
        reply=says(200, lambda p: servers.response("") | {"store": True, "service_tier": p.phrase("answer")}),
    ),
)


def fault(place: str) -> Case:
    return Case(f"fault: {place}", (0, 200, 500, 503), has("Canary-Fault", lambda _: place))


FAULTS: Final = tuple(map(fault, EVERYWHERE))

CASES: Final = (*SERVED, *REFUSED, *MALFORMED, *PROVIDER, *FAULTS)
