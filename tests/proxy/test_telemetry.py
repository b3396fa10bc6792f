"""Telemetry of real calls: what is exposed, and what a collector gets."""

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from prometheus_client.parser import text_string_to_metric_families

from addons.configuration.fingerprint import judged_by
from addons.process.admin import Admin
from addons.values.version import VERSION
from tests.conftest import MODEL, PROVIDER_KEY, SettingsMaker
from tests.proxy.client import HELLO, TOKEN, Reply, post, send
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import eventually

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = (f"00-{TRACE}-{PARENT}-0{flag}" for flag in (1, 0))
USAGE = {"simulate": "usage=100,40,20,8"}


class Collector:
    """A real OTLP/HTTP endpoint that parses what it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.metrics: dict[str, Any] = {}
        self.logs: list[LogRecord] = []
        self.resources: set[str] = set()
        self.text = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def take(self, path: str, body: bytes) -> None:
        self.text += body
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            for resource in traces.resource_spans:
                self.resources |= {a.value.string_value for a in resource.resource.attributes}
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        elif path == "/v1/logs":
            for logged in ExportLogsServiceRequest.FromString(body).resource_logs:
                self.logs += [log for scope in logged.scope_logs for log in scope.log_records]
        else:
            assert path == "/v1/metrics"
            for measured in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics |= {m.name: m for scope in measured.scope_metrics for m in scope.metrics}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def attributes(span: Span | LogRecord) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value") or "string_value") for a in span.attributes}


def test_a_collector_gets_spans_in_the_callers_trace(
    make_settings: SettingsMaker, records: Records, collector: Collector
) -> None:
    with RunningSidecar(make_settings(telemetry={"otlp_endpoint": collector.url})) as sidecar:
        post(sidecar.port, {**HELLO, "metadata": USAGE}, headers=[("traceParent", SAMPLED), ("traceState", "a=b,c=d")])
        post(sidecar.port, {**HELLO, "store": True})
        post(sidecar.port, headers=[("traceParent", UNSAMPLED)])
        post(sidecar.port, {**HELLO, "metadata": {"simulate": "status=500"}}, headers=[("X-B3-TraceId", TRACE)])
        served, refused, _, failed = records.wait(count=4)
    spans = {span.span_id.hex(): span for span in collector.spans}
    assert set(spans) == {record["span_id"] for record in (served, refused, failed)}
    assert len(collector.spans) == 3

    span = spans[served["span_id"]]
    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.trace_state) == (TRACE, PARENT, "a=b,c=d")
    assert (span.name, span.kind, span.status.code) == ("chat gpt-5.2", Span.SPAN_KIND_CLIENT, Status.STATUS_CODE_UNSET)
    assert attributes(span)["gen_ai.usage.input_tokens"] == 100
    assert attributes(span)["caller"] == served["caller"]
    assert (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9 == pytest.approx(served["duration.total"])

    span = spans[refused["span_id"]]
    assert (span.trace_id.hex(), span.parent_span_id) == (refused["trace_id"], b"")
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "refused_feature")
    assert attributes(span)["policy.rule"] == "ZERO_DATA_RETENTION"

    assert spans[failed["span_id"]].trace_id.hex() == TRACE
    assert "foundry-sidecar" in collector.resources
    for secret in (TOKEN, PROVIDER_KEY, HELLO["input"]):
        assert secret.encode() not in collector.text


@pytest.mark.parametrize("wanted", [True, False])
def test_a_collector_gets_records_where_they_are_wanted(
    make_settings: SettingsMaker, records: Records, collector: Collector, wanted: bool
) -> None:
    telemetry = {"otlp_endpoint": collector.url, "otlp_records": wanted}
    with RunningSidecar(make_settings(telemetry=telemetry)) as sidecar:
        post(sidecar.port, {**HELLO, "metadata": USAGE}, headers=[("traceParent", UNSAMPLED)])
        post(sidecar.port, {**HELLO, "store": True})
        written = {record["call.id"]: record for record in records.wait(count=2)}
    sent = {attributes(log)["call.id"]: log for log in collector.logs}
    assert sent.keys() == (written.keys() if wanted else set())
    for call, log in sent.items():
        record = written[call]
        assert (log.trace_id.hex(), log.span_id.hex()) == (record["trace_id"], record["span_id"])
        assert (log.event_name, log.severity_text) == ("foundry.sidecar.call", record["level"])
        told = attributes(log)
        assert told.keys() == record.keys() - {"event", "level", "logger", "timestamp"}
        assert [name for name, value in told.items() if isinstance(value, str | int) and value != record[name]] == []
    for secret in (TOKEN, PROVIDER_KEY, HELLO["input"]):
        assert secret.encode() not in collector.text


def test_a_collector_gets_metrics(make_settings: SettingsMaker, records: Records, collector: Collector) -> None:
    with RunningSidecar(make_settings(telemetry={"otlp_endpoint": collector.url})) as sidecar:
        post(sidecar.port, {**HELLO, "metadata": USAGE})
        (served,) = records.wait()
    (calls,) = collector.metrics["foundry.sidecar.calls"].sum.data_points
    assert calls.as_int == 1
    for name, tokens in (("input", 100), ("cache_read.input", 40), ("output", 20), ("reasoning.output", 8)):
        (point,) = collector.metrics[f"gen_ai.client.inference.usage.{name}_tokens"].sum.data_points
        assert point.as_int == tokens
    for name, tokens in (("input", 100), ("output", 20)):
        (spread,) = collector.metrics[f"gen_ai.client.inference.operation.{name}_tokens"].histogram.data_points
        assert (spread.count, spread.sum, sum(spread.bucket_counts)) == (1, tokens, 1)
        assert len(spread.bucket_counts) == len(spread.explicit_bounds) + 1
    (duration,) = collector.metrics["gen_ai.client.inference.duration"].histogram.data_points
    asked = {a.key: a.value for a in duration.attributes}
    assert asked["server.port"].int_value == served["server.port"]
    assert asked["gen_ai.request.model"].string_value == "gpt-5.2"


def test_a_collector_that_is_away_costs_no_call(make_settings: SettingsMaker, records: Records) -> None:
    away = Collector()
    away.close()
    with RunningSidecar(make_settings(telemetry={"otlp_endpoint": away.url})) as sidecar:
        assert post(sidecar.port).status == 200
        records.wait()


@pytest.fixture
def admin(make_settings: SettingsMaker, records: Records, tmp_path: Any) -> Iterator[RunningSidecar]:
    settings = make_settings(listen={"admin": "127.0.0.1:0"}, usage={"ledger": tmp_path / "usage.sqlite"})
    with RunningSidecar(settings) as running:
        records.clear()
        yield running


def admin_port(sidecar: RunningSidecar) -> int:
    return next(part.port for part in sidecar.addons if isinstance(part, Admin))


def ask(sidecar: RunningSidecar, path: str, method: str = "GET") -> Reply:
    return send(admin_port(sidecar), f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def samples(sidecar: RunningSidecar) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = ask(sidecar, "/metrics").body.decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return sum(v for (n, own), v in found.items() if n == name and frozenset(labels.items()) <= own)


def test_prometheus_reads_what_calls_did(admin: RunningSidecar, records: Records) -> None:
    post(admin.port, {**HELLO, "metadata": USAGE})
    post(admin.port, {**HELLO, "stream": True, "metadata": USAGE})
    post(admin.port, {**HELLO, "store": True})
    post(admin.port, {**HELLO, "metadata": {"simulate": "status=401"}})
    records.wait(count=4)
    found = samples(admin)
    calls = "foundry_sidecar_calls_total"
    assert value(found, calls, outcome="served", model="gpt-5.2", status="200", usage="reported") == 2
    assert (
        value(
            found,
            calls,
            decision="refused",
            outcome="refused",
            error_type="refused_feature",
            rule="ZERO_DATA_RETENTION",
        )
        == 1
    )
    failed = {"decision": "allowed", "outcome": "provider_error", "error_type": "provider_credentials"}
    assert value(found, calls, **failed, status="500", region="global") == 1
    assert value(found, "foundry_sidecar_alarms_total", alarm="provider_credentials") == 1
    tokens = {kind: value(found, "foundry_sidecar_tokens_total", kind=kind, model="gpt-5.2") for kind in KINDS}
    assert tokens == {"input": 200, "cached": 80, "output": 40, "reasoning": 16}
    assert value(found, "gen_ai_client_inference_usage_output_tokens_total", gen_ai_token_modality="unknown") == 40
    assert value(found, "gen_ai_client_inference_operation_output_tokens_sum") == 40
    assert value(found, "gen_ai_client_inference_duration_seconds_count") == 3
    assert value(found, "gen_ai_client_inference_duration_seconds_count", error_type="provider_credentials") == 1
    assert value(found, "gen_ai_client_inference_time_to_first_chunk_seconds_count") == 1
    assert value(found, "foundry_sidecar_call_duration_seconds_count") == 4
    assert value(found, "foundry_sidecar_overhead_duration_seconds_count", decision="refused") == 1
    assert value(found, "foundry_sidecar_ledger_lost_total") == 0
    assert value(found, "process_resident_memory_bytes") > 0
    assert records.of("telemetry_failed") == records.of("sink_failed") == []


def test_which_program_and_rules_are_in_force(admin: RunningSidecar, records: Records) -> None:
    post(admin.port)
    (record,) = records.wait()
    page = json.loads(ask(admin, "/version").body)
    assert page == {"version": VERSION, **judged_by(admin.settings)}
    assert page.items() >= {name: record[name] for name in judged_by(admin.settings)}.items()
    found = samples(admin)
    labels = {name.replace(".", "_"): each for name, each in page.items()}
    assert value(found, "foundry_sidecar_build_info", **labels) == 1
    assert value(found, "foundry_sidecar_reload_good") == 1
    assert value(found, "foundry_sidecar_reload_time_seconds", result="taken_over") > 0


def test_the_days_a_model_has_left(make_settings: SettingsMaker) -> None:
    day = datetime.now(UTC).date() + timedelta(days=50)
    row = {"rid": MODEL, "shutdown": str(day)}
    with RunningSidecar(make_settings(listen={"admin": "127.0.0.1:0"}, models={"extra": [row]})) as sidecar:
        assert value(samples(sidecar), "foundry_sidecar_model_shutdown_days", model="gpt-5.2") in {49, 50}


KINDS = ("input", "cached", "output", "reasoning")


def test_open_calls_are_counted(admin: RunningSidecar, provider: Any, records: Records) -> None:
    held = threading.Thread(
        target=post, args=(admin.port, {**HELLO, "stream": True, "metadata": {"simulate": "hold=2"}})
    )
    held.start()
    (call,) = provider.wait_for_calls()
    try:
        while not value(found := samples(admin), "foundry_sidecar_calls_open", state="answered"):
            assert value(found, "foundry_sidecar_calls_open") == 1
    finally:
        call.release()
        held.join()
    records.wait()
    assert value(samples(admin), "foundry_sidecar_calls_open") == 0


def test_labels_are_bounded_whatever_callers_send(admin: RunningSidecar, records: Records) -> None:
    def odd(number: int) -> Reply:
        body = {**HELLO, f"field{number}": 1, "user": f"u{number}"}
        model = {"model": f"ri.language-model-service..language-model.m{number}"}
        tools = {"tools": [{"type": f"tool{number}"}]}
        bodies = (body, {**HELLO, **model}, {**HELLO, **tools}, {**HELLO, "metadata": {"a": str(number)}})
        headers = [("attribution", f"ri.compass.main.folder.f{number}"), ("X-Client-Request-Id", f"id{number}")]
        return post(admin.port, bodies[number % len(bodies)], headers=headers)

    for number in range(8):
        odd(number)
    records.wait(count=8)
    before = samples(admin).keys()
    for number in range(8, 24):
        odd(number)
    records.wait(count=24)
    assert samples(admin).keys() == before
    assert not re.search("(field|tool|folder.f|id|m)[0-9]", repr(before))


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/livez", 200, b"alive\n"),
        ("GET", "/readyz", 200, b"ready\n"),
        ("GET", "/readyz?verbose", 200, b"ready\n"),
        ("GET", "/", 404, b""),
        ("GET", "/metrics/", 404, b""),
        ("GET", "//metrics", 404, b""),
        ("POST", "/metrics", 405, b""),
        ("DELETE", "/livez", 405, b""),
        ("POST", "/api/v2/llm/proxy/openai/v1/responses", 404, b""),
    ],
)
def test_the_admin_listener(admin: RunningSidecar, method: str, path: str, status: int, body: bytes) -> None:
    eventually(lambda: ask(admin, "/readyz").status == 200)  # it has looked once
    reply = ask(admin, path, method)
    assert (reply.status, reply.body) == (status, body)
    assert ("allow" in reply.headers) == (status == 405)
    assert "server" not in reply.headers


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /livez\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"\x16\x03\x01\x00\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000, 431),
        (b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 405),
    ],
    ids=["no version", "no host", "no HTTP", "endless", "with a body"],
)
def test_the_admin_listener_hears_odd_things(admin: RunningSidecar, sent: bytes, status: int) -> None:
    assert send(admin_port(admin), sent).status == status


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\n"])
def test_a_silent_asker_is_hung_up_on(admin: RunningSidecar, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr("addons.process.admin.IDLE_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", admin_port(admin)), 10) as asker:
        asker.sendall(sent)
        assert hung_up(asker)


def test_the_pages_need_none_of_the_threads_that_calls_take(admin: RunningSidecar) -> None:
    """As many names as there are threads wait for a resolver that says nothing."""
    eventually(lambda: ask(admin, "/readyz").status == 200)  # it has looked once
    over = threading.Event()
    waiting = 64

    def take() -> None:
        for _ in range(waiting):
            admin.loop.run_in_executor(None, over.wait, 60)

    admin.on_loop(take)
    try:
        assert [ask(admin, path).status for path in ("/livez", "/readyz", "/metrics", "/version")] == [200] * 4
    finally:
        over.set()


def hung_up(asker: socket.socket) -> bool:
    try:
        return asker.recv(1) == b""
    except ConnectionResetError:
        return True


def test_callers_do_not_see_the_admin_pages(admin: RunningSidecar) -> None:
    for path in ("/metrics", "/livez", "/readyz", "/version"):
        assert send(admin.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).status in {404, 405}


def test_a_page_that_fails_says_so(admin: RunningSidecar, records: Records) -> None:
    part = next(part for part in admin.addons if isinstance(part, Admin))
    part._routes = {"/metrics": lambda: 1 / 0}  # type: ignore[dict-item,return-value]  # a fault put in
    assert ask(admin, "/metrics").status == 500
    assert records.of("admin_failed")


def test_a_port_in_use_is_told(make_settings: SettingsMaker, admin: RunningSidecar, records: Records) -> None:
    taken = f"127.0.0.1:{admin_port(admin)}"
    with RunningSidecar(make_settings(listen={"admin": taken})):
        (told,) = records.of("admin_not_listening")
    assert f"listen.admin: {taken} can't be had" in told["why"]
    assert told["level"] == "error"  # mitmproxy ends on an error logged while it starts


def test_many_askers_at_once(admin: RunningSidecar) -> None:
    connections = [http.client.HTTPConnection("127.0.0.1", admin_port(admin)) for _ in range(20)]
    for connection in connections:
        connection.request("GET", "/metrics")
    assert {connection.getresponse().status for connection in connections} == {200}
    for connection in connections:
        connection.close()
