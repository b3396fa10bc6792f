"""Options that would open a way round stop the start, and are refused at run time."""

from typing import Any

import pytest
from mitmproxy import exceptions

from addons.configuration.mitmproxy_options import all_options
from addons.process import lockdown
from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar
from tests.records import Records

OTHER_VALUES: dict[str, Any] = {
    "connection_strategy": "eager",
    "upstream_cert": True,
    "stream_large_bodies": "1",
    "modify_body": ["/gpt/gpt-evil"],
    "modify_headers": ["/~q/x/y"],
    "map_remote": ["|/v1|http://localhost:1/"],
    "map_local": ["|/v1|/etc"],
    "stickyauth": "~all",
    "stickycookie": "~all",
    "upstream_auth": "a:b",
    "anticache": True,
    "anticomp": True,
    "client_replay": ["flows"],
    "server_replay": ["flows"],
    "rfile": "flows",
    "ignore_hosts": [".*"],
    "allow_hosts": ["x"],
    "tcp_hosts": [".*"],
    "udp_hosts": [".*"],
    "rawtcp": True,
    "websocket": True,
    "onboarding": True,
    "block_list": ["/~all/200"],
    "http2": True,
    "http3": True,
    "keep_host_header": False,
    "validate_inbound_headers": False,
    "ssl_insecure": True,
    "ssl_verify_upstream_trusted_confdir": "/etc",
    "client_certs": "/etc",
    "tls_version_server_min": "TLS1",
    "add_upstream_certs_to_client_chain": True,
    "request_client_cert": True,
    "dns_name_servers": ["192.0.2.1"],
    "proxy_debug": True,
    # those that follow from the settings
    "mode": ["regular"],
    "body_size_limit": "1g",
    "tcp_timeout": 5,
    "ssl_verify_upstream_trusted_ca": "/etc/hosts",
    "confdir": "/nowhere",
    "certs": ["/etc/hosts"],
}


def test_every_row_has_a_case(make_settings: SettingsMaker) -> None:
    assert set(OTHER_VALUES) == set(all_options(make_settings())) | set(lockdown.KEPT)


@pytest.mark.parametrize("option", sorted(set(OTHER_VALUES) - {"client_replay", "server_replay", "rfile"}))
def test_refused_at_run_time(sidecar: RunningSidecar, provider: SimulatedProvider, option: str) -> None:
    def change() -> None:
        sidecar.master.options.update(**{option: OTHER_VALUES[option]})

    before = getattr(sidecar.master.options, option)
    with pytest.raises(exceptions.OptionsError):
        sidecar.on_loop(change)
    assert getattr(sidecar.master.options, option) == before
    if option != "mode":  # rolled back, but listening anew on some other free port
        assert post(sidecar.port).status == 200


def test_a_script_that_is_unloaded_leaves_a_dead_target(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    dialled = provider.dialled
    addons = sidecar.master.addons
    sidecar.on_loop(lambda: addons.chain.remove(addons.get("test-script")))
    assert post(sidecar.port).status == 502  # mitmproxy's own HTTP layer, whose target nothing listens on
    assert provider.dialled == dialled
