"""What may change under a running sidecar, by a ConfigMap's symlink swap too, and what that does to calls."""

import base64
import json
import os
import signal
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from addons.process.lockdown import SCRIPT
from addons.simulator.certificates import Authority
from addons.simulator.provider import SimulatedProvider
from tests.conftest import PROVIDER_KEY
from tests.exchange.certificates import sign
from tests.ports import free_port
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import HELLO, post, read_reply, request_bytes
from tests.proxy.egress import EgressProxy
from tests.values.odd_files import ODD_FILES, put
from tests.waiting import LONGEST

PLAIN = {**HELLO, "model": "gpt-5.2"}


class Mount:
    """Files as Kubernetes mounts them: links through ``..data``, which is swapped for a new directory at once."""

    def __init__(self, directory: Path, files: Mapping[str, str]) -> None:
        directory.mkdir()
        self._directory = directory
        self._version = 0
        self.put(files)
        for name in files:
            (directory / name).symlink_to(f"..data/{name}")

    def put(self, files: Mapping[str, str]) -> None:
        self._version += 1
        new = self._directory / f"..version-{self._version}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)
        (self._directory / "..new").symlink_to(new.name)
        (self._directory / "..new").replace(self._directory / "..data")

    def __truediv__(self, name: str) -> Path:
        return self._directory / name


def text(document: Mapping[str, Any]) -> dict[str, str]:
    return {"sidecar.yaml": json.dumps(document, indent=1)}


def test_a_good_configuration_takes_over_and_a_bad_one_changes_nothing(
    make_document: DocumentMaker, tmp_path: Path
) -> None:
    mount = Mount(tmp_path / "mount", text(make_document()))
    with SidecarProcess(mount / "sidecar.yaml") as sidecar:
        records = sidecar.records
        assert post(sidecar.port, PLAIN).code == "invalid_model"

        mount.put(text(make_document(models={"allow_plain_names": True})))
        (reloaded,) = records.wait("reloaded")
        assert reloaded["files"] == [str(sidecar.config)]
        assert reloaded["changed"] == ["models.allow_plain_names"]
        assert reloaded["policy.hash"] != reloaded["policy.hash.before"]
        assert reloaded["configuration.hash"] != reloaded["configuration.hash.before"]
        assert post(sidecar.port, PLAIN).status == 200
        by = [record["policy.hash"] for record in records.wait("call", 2)]
        assert by == [reloaded["policy.hash.before"], reloaded["policy.hash"]]

        mount.put(text(make_document(models={"allow_plain_names": "perhaps"})))
        (refused,) = records.wait("reload_refused")
        line = 1 + text(make_document(models={"allow_plain_names": 0}))["sidecar.yaml"].splitlines().index(
            '  "allow_plain_names": 0'
        )
        assert f"{sidecar.config}:{line}: models.allow_plain_names" in refused["why"]
        assert post(sidecar.port, PLAIN).status == 200

        mount.put(text(make_document(foundry={"error_format": "openai"}, policy={"max_body_bytes": 1000})))
        *_, refused = records.wait("reload_refused", 2)
        assert refused["why"].startswith("foundry.error_format, policy.max_body_bytes: changed")
        assert post(sidecar.port, PLAIN).status == 200

        os.utime(SCRIPT)  # mitmproxy would load its script again
        mount.put(text(make_document()))
        records.wait("reloaded", 2)
        assert post(sidecar.port, PLAIN).code == "invalid_model"
        assert "Loading script" not in records.everything()


def test_what_a_refused_configuration_names_may_come_later(make_document: DocumentMaker, tmp_path: Path) -> None:
    """Two mounts of a pod are not brought up to date at the same moment."""
    mount = Mount(tmp_path / "mount", text(make_document()))
    with SidecarProcess(mount / "sidecar.yaml") as sidecar:
        registry = tmp_path / "tokens.yaml"
        mount.put(text(make_document(caller={"verifier": "registry", "registry": {"file": str(registry)}})))
        (refused,) = sidecar.records.wait("reload_refused")
        assert str(registry) in refused["why"]
        assert post(sidecar.port).status == 200
        registry.write_text("[]")
        sidecar.records.wait("reloaded")
        assert post(sidecar.port).status == 401


def test_a_candidate_is_read_again_and_a_bad_one_changes_nothing(make_document: DocumentMaker, tmp_path: Path) -> None:
    candidate = tmp_path / "candidate.yaml"
    candidate.write_text(json.dumps(make_document(policy={"mode": "warn"})))
    mount = Mount(tmp_path / "mount", text(make_document(policy={"candidate": str(candidate)})))
    stored = {**HELLO, "store": True}
    with SidecarProcess(mount / "sidecar.yaml") as sidecar:
        assert post(sidecar.port, stored).status == 400
        (first,) = sidecar.records.wait("call")
        assert first["policy.candidate"] == ["lets_pass ZERO_DATA_RETENTION store"]
        candidate.write_text(json.dumps(make_document(), indent=1))
        (reloaded,) = sidecar.records.wait("reloaded")
        assert reloaded["changed"] == []
        assert reloaded["policy.candidate.hash"] == reloaded["policy.hash"]
        assert post(sidecar.port, stored).status == 400
        _, second = sidecar.records.wait("call", 2)
        assert "policy.candidate" not in second
        candidate.write_text(json.dumps({"policy": {"mode": "enforced"}}, indent=1))
        (refused,) = sidecar.records.wait("reload_refused")
        assert f"{candidate}:3: policy.mode" in refused["why"]
        assert post(sidecar.port, stored).status == 400
        *_, third = sidecar.records.wait("call", 3)
        assert third["policy.candidate.hash"] == reloaded["policy.candidate.hash"]


def test_a_call_keeps_the_rules_it_began_under_and_counts_go_on(make_document: DocumentMaker, tmp_path: Path) -> None:
    limits = {"user": {"default": {"requests_per_minute": 2}}}
    mount = Mount(tmp_path / "mount", text(make_document(limits=limits, models={"allow_plain_names": True})))
    with (
        SidecarProcess(mount / "sidecar.yaml") as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port)) as caller,
    ):
        request = request_bytes(PLAIN)
        caller.sendall(request[:-1])
        assert post(sidecar.port).status == 200  # by its answer the head above has been judged
        mount.put(text(make_document(limits=limits)))
        sidecar.records.wait("reloaded")
        caller.sendall(request[-1:])
        assert read_reply(caller).status == 200
        assert post(sidecar.port, PLAIN).code == "invalid_model"
        assert post(sidecar.port).code == "rate_limit_exceeded"


def pair(authority: Authority) -> dict[str, str]:
    certificate, key = authority.issue(["localhost"])
    return {"tls.crt": certificate.decode(), "tls.key": key.decode()}


def connected(port: int, expected: Mapping[str, str]) -> ssl.SSLSocket:
    """A TLS connection on which the listener has shown this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
    assert connection.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(expected["tls.crt"])
    return connection


def test_certificates_are_renewed_for_new_connections(
    make_document: DocumentMaker, provider: SimulatedProvider, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    own, other = Authority(tmp_path), Authority(tmp_path / "other")
    first, second = pair(own), pair(own)
    tls = Mount(tmp_path / "tls", first)
    trust = Mount(tmp_path / "trust", {"ca.pem": provider.ca_file.read_text()})
    files = {"certificate": str(tls / "tls.crt"), "key": str(tls / "tls.key")}
    document = make_document(
        listen={"certificates": str(tmp_path / "own"), "tls": files}, provider={"trusted_ca": str(trust / "ca.pem")}
    )
    with SidecarProcess(Mount(tmp_path / "mount", text(document)) / "sidecar.yaml") as sidecar:
        before = connected(sidecar.port, first)
        tls.put({**second, "tls.key": first["tls.key"]})  # half of a renewal
        (refused,) = sidecar.records.wait("reload_refused")
        assert "listen.tls" in refused["why"]
        connected(sidecar.port, first).close()
        tls.put(second)
        sidecar.records.wait("reloaded")
        after = connected(sidecar.port, second)
        for connection in (before, after):
            connection.sendall(request_bytes())
            assert read_reply(connection).status == 200
            connection.close()

        trust.put({"ca.pem": other.file.read_text()})
        sidecar.records.wait("reloaded", 2)
        assert post(sidecar.port).code == "upstream_unreachable"
        trust.put({"ca.pem": provider.ca_file.read_text()})
        sidecar.records.wait("reloaded", 3)
        assert post(sidecar.port).status == 200


def test_a_renewed_certificate_may_be_of_another_intermediate_authority(
    make_document: DocumentMaker, tmp_path: Path
) -> None:
    """mitmproxy caches the chain that it sends. A caller knows the root alone."""
    root = sign(name="root", authority=True)
    (tmp_path / "root.pem").write_bytes(root.pem)

    def chained() -> dict[str, str]:
        between = sign(root, name="between", authority=True)
        own = sign(between, usage=ExtendedKeyUsageOID.SERVER_AUTH)
        return {"tls.crt": (own.pem + between.pem).decode(), "tls.key": own.key_pem.decode()}

    tls = Mount(tmp_path / "tls", chained())
    files = {"certificate": str(tls / "tls.crt"), "key": str(tls / "tls.key")}
    document = make_document(listen={"certificates": str(tmp_path / "own"), "tls": files})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(tmp_path / "root.pem")
    with SidecarProcess(Mount(tmp_path / "mount", text(document)) / "sidecar.yaml") as sidecar:
        for renewed in range(3):
            if renewed:
                tls.put(chained())
                sidecar.records.wait("reloaded", renewed)
            with (
                socket.create_connection(("127.0.0.1", sidecar.port)) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as caller,
            ):
                caller.sendall(request_bytes())
                assert read_reply(caller).status == 200


def test_sighup_has_the_configuration_looked_at_now(make_document: DocumentMaker, tmp_path: Path) -> None:
    mount = Mount(tmp_path / "mount", text(make_document()))
    with SidecarProcess(mount / "sidecar.yaml") as sidecar:
        assert post(sidecar.port).status == 200
        sidecar.signal(signal.SIGHUP)  # nothing changed, and somebody wants to know whether it is right
        (reloaded,) = sidecar.records.wait("reloaded")
        assert reloaded["files"] == []
        mount.put({"sidecar.yaml": "{"})
        sidecar.records.wait("reload_refused")
        sidecar.signal(signal.SIGHUP)
        sidecar.records.wait("reload_refused", 2)  # told again, though it is the same fault
        assert post(sidecar.port).status == 200


def test_a_reload_can_not_bring_development_mode_to_the_network(make_document: DocumentMaker, tmp_path: Path) -> None:
    (tmp_path / "tokens.yaml").write_text("[]")
    registry = {"verifier": "registry", "registry": {"file": str(tmp_path / "tokens.yaml")}}
    proxy = f"0.0.0.0:{free_port('0.0.0.0')}"
    listen = {**make_document()["listen"], "proxy": proxy}
    mount = Mount(tmp_path / "mount", text(make_document(caller=registry, listen=listen)))
    with SidecarProcess(mount / "sidecar.yaml") as sidecar:
        mount.put(text(make_document(caller={"verifier": "development"}, listen=listen)))
        (refused,) = sidecar.records.wait("reload_refused")
        assert f"listen.proxy: {proxy} is no loopback address" in refused["why"]
        assert post(sidecar.port).status == 401


def test_a_secret_that_is_gone_for_a_moment(make_document: DocumentMaker, tmp_path: Path) -> None:
    key = Mount(tmp_path / "keys", {"key": PROVIDER_KEY})
    document = make_document()
    document["provider"]["regions"]["global"]["api_key"] = {"file": str(key / "key")}
    with SidecarProcess(Mount(tmp_path / "mount", text(document)) / "sidecar.yaml") as sidecar:
        key.put({"key": ""})
        (told,) = sidecar.records.wait("secret_unusable")
        assert told["setting"] == "provider.regions.global.api_key"
        assert "is empty" in told["why"]
        assert post(sidecar.port).status == 200
        key.put({"key": "\ufeff" + PROVIDER_KEY})
        sidecar.records.wait("secret_usable")
        assert post(sidecar.port).status == 200


@pytest.mark.parametrize(("make", "why"), ODD_FILES.values(), ids=ODD_FILES)
def test_an_odd_file_in_the_place_of_the_configuration_holds_up_no_later_one(
    make_document: DocumentMaker, tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    file = tmp_path / "sidecar.yaml"
    file.write_text(json.dumps(make_document()))
    with SidecarProcess(file) as sidecar:
        put(make, file)
        (refused,) = sidecar.records.wait("reload_refused")
        assert why in refused["why"]
        if file.is_dir():
            file.rmdir()
        file.unlink(missing_ok=True)
        file.write_text(json.dumps(make_document(models={"allow_plain_names": True})))
        sidecar.records.wait("reloaded")
        assert post(sidecar.port, PLAIN).status == 200


def test_another_password_of_the_egress_proxy_is_used_and_no_connection_of_the_old_one(
    make_document: DocumentMaker, provider: SimulatedProvider, tmp_path: Path
) -> None:
    """A connection that is busy then is the call's until its end, and nobody's after it."""
    mount = Mount(tmp_path / "password", {"egress": "me:first"})
    with EgressProxy() as egress:
        document = make_document()
        document["provider"]["proxy"] = {"url": egress.url, "credentials": {"file": str(mount / "egress")}}
        with SidecarProcess(written(tmp_path, document)) as sidecar:
            assert post(sidecar.port).status == 200
            provider.clear()
            provider.script("hold=2")
            with socket.create_connection(("127.0.0.1", sidecar.port), LONGEST) as busy:
                busy.sendall(request_bytes({**HELLO, "stream": True}))
                (call,) = provider.wait_for_calls(1)
                mount.put({"egress": "me:the second"})
                (reloaded,) = sidecar.records.wait("reloaded")
                assert reloaded["changed"] == []
                assert [post(sidecar.port).status for _ in range(2)] == [200] * 2
                call.release()
                assert read_reply(busy).status == 200
            assert post(sidecar.port).status == 200
            (mount / "egress").unlink()
            sidecar.records.wait("reload_refused")
            assert post(sidecar.port).status == 200
            said = sidecar.records.everything()
    given = [head.partition(b"Proxy-Authorization: Basic ")[2].strip().decode() for head in egress.heads]
    assert [base64.b64decode(each).decode() for each in given] == ["me:first", "me:the second"]
    assert "the second" not in said
    assert given[1] not in said
