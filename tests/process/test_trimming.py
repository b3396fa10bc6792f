"""What mitmproxy has beside the sidecar's addons, once it runs."""

import logging

import pytest
from mitmproxy.log import LegacyLogEvents

from addons.process.trimming import KEPT
from tests.conftest import SettingsMaker
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar


def addons(sidecar: RunningSidecar) -> set[str]:
    """Names of mitmproxy's own."""
    names = {getattr(addon, "name", type(addon).__name__.lower()) for addon in sidecar.master.addons.chain}
    return {name for name in names if not name.startswith(("sidecar-", "test-"))}


def logs_as_events() -> bool:
    return any(isinstance(handler, LegacyLogEvents) for handler in logging.getLogger().handlers)


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize(
    ("inspect", "trimmed"),
    [
        pytest.param(False, True, id="what no call needs is gone"),
        pytest.param(True, False, id="all stays where the page offers it"),
    ],
)
def test_what_is_left(make_settings: SettingsMaker, inspect: bool, trimmed: bool) -> None:
    with RunningSidecar(make_settings(), inspect=inspect) as sidecar:
        assert (addons(sidecar) <= KEPT) is trimmed
        assert {"proxyserver", "nextlayer", "tlsconfig", "scriptloader"} <= addons(sidecar)
        assert not logs_as_events()
        assert post(sidecar.port).status == 200


def test_without_it_each_event_goes_to_every_addon(make_settings: SettingsMaker) -> None:
    with RunningSidecar(make_settings(), without=lambda addon: addon.name == "sidecar-trimming") as sidecar:
        assert len(addons(sidecar)) > 2 * len(KEPT)
        assert logs_as_events()
