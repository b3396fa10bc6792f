"""What tests of every kind share: a recording provider, settings that point at it, and the records."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import hypothesis
import pytest
import structlog

from addons.configuration.settings import Settings
from addons.simulator.provider import SimulatedProvider
from addons.usage.redis_counters import RedisCounters
from tests.foundry_server import FoundryServer
from tests.records import Records
from tests.tally import STASH, Tally
from tests.usage.server import Store
from tests.waiting import LONGEST

hypothesis.settings.register_profile("no clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("no clock")

PROVIDER_KEY = "sk-provider-key-of-the-tests"
MODEL = "ri.language-model-service..language-model.gpt-5-2"
PATH = "/api/v2/llm/proxy/openai/v1/responses"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One authority for all tests: making keys is slow."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedProvider]:
    with SimulatedProvider(api_key=PROVIDER_KEY, directory=tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def provider(provider_process: SimulatedProvider) -> SimulatedProvider:
    """The recording provider, with nothing recorded yet."""
    provider_process.clear()
    return provider_process


@pytest.fixture
def foundry(provider: SimulatedProvider) -> Iterator[FoundryServer]:
    """Foundry itself, with a certificate of the provider's authority."""
    with FoundryServer(provider.ca_file.parent) as running:
        yield running


@pytest.fixture
def records() -> Iterator[Records]:
    caught = Records()
    structlog.configure(processors=[caught], cache_logger_on_first_use=False)
    yield caught
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def store_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def store(store_process: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A real Valkey, empty; not for stopping. It is late on no machine, however busy."""
    monkeypatch.setattr(RedisCounters.__init__, "__defaults__", (LONGEST,))
    assert store_process.say("FLUSHALL") == "+OK"
    return store_process


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[Store]:
    """One that a test may kill and freeze."""
    with Store(tmp_path) as store:
        yield store


PARTS: Final[Mapping[str, str]] = {
    "browser": "mitmweb's page in a real browser (needs Chromium: apt install chromium)",
    "fleet": "what a fleet runs with (needs Debian's postgresql, pgbouncer, prometheus and rsyslog)",
    "frameworks": "agents' frameworks as clients (installs some 650 MB of them in three environments)",
    "long": "faults, floods, fuzz and leaks at length (takes an hour or more)",
}
"""Tests that need more than Python and a package index or much of it, by marker: left out and said so, unless asked."""


def pytest_addoption(parser: pytest.Parser) -> None:
    for part, about in PARTS.items():
        parser.addoption(f"--{part}", action="store_true", help=f"also test {about}")
    parser.addoption("--soak-seconds", type=float, default=3600.0, help="how long --long keeps up its load")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[STASH] = Tally()
    for part, about in PARTS.items():
        config.addinivalue_line("markers", f"{part}: {about}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [part for part in PARTS if not config.getoption(f"--{part}")]
    kept: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        kept[not any(item.get_closest_marker(part) for part in left_out)].append(item)
    if kept[False]:
        config.hook.pytest_deselected(items=kept[False])
    items[:] = kept[True]


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """Where a test hands in what it tried and what was lost."""
    return pytestconfig.stash[STASH]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker: what was tried there goes to the process that reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tally"] = session.config.stash[STASH].rows()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the process that reports: a worker has ended, or broken off."""
    node.config.stash[STASH].take(getattr(node, "workeroutput", {}).get("tally", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[STASH].lines():
        terminalreporter.write_line(line)
    for part, about in PARTS.items():
        if not config.getoption(f"--{part}"):
            terminalreporter.write_line(f"left out: {about}; add --{part}")


type SettingsMaker = Callable[..., Settings]


@pytest.fixture
def make_settings(provider: SimulatedProvider, certificates: Path, tmp_path: Path) -> SettingsMaker:
    """Settings for development mode against the recording provider; keyword arguments replace sections' keys."""
    key = tmp_path / "provider-key"
    key.write_text(PROVIDER_KEY)

    def make(**sections: Any) -> Settings:
        document: dict[str, Any] = {
            "listen": {"reverse": "127.0.0.1:0", "certificates": certificates},
            "provider": {
                "zero_data_retention": "attested",
                "trusted_ca": provider.ca_file,
                "regions": {"global": {"url": provider.url, "api_key": {"file": key}}},
            },
            "caller": {"verifier": "development"},
            "usage": {"ledger": "off"},
        }
        for section, keys in sections.items():
            document[section] = {**document.get(section, {}), **keys}
        return Settings(**document)

    return make
