"""Makes the credential of a region from its settings."""

from weakref import WeakValueDictionary

from addons.foundry.alarm_names import Alarm
from addons.provider_credentials.credential import Credential, StaticKey
from addons.provider_credentials.settings import IdentitySettings
from addons.provider_credentials.workload_identity import WorkloadIdentity
from addons.sources.fault import Fault, RaiseAlarm, log_alarm
from addons.sources.http_client import HttpClient
from addons.sources.watched_file import stamp
from addons.values.secret import Secret


class Credentials:
    """Makes credentials. For the same settings it returns the same credential, as long as one is in use.

    So a reload that changes nothing about a credential keeps its token. ``alarm`` gets the alarms of all of them.
    """

    def __init__(self, alarm: RaiseAlarm = log_alarm) -> None:
        self._alarm = alarm
        self._made = WeakValueDictionary[object, Credential]()

    def of(self, source: Secret | IdentitySettings) -> Credential:
        """The credential for ``source``. Reads files, opens no connection, needs no running event loop.

        Raises:
            ValueError: the pod's own token or ``trusted_ca`` can't be used.
        """
        trusted = source.trusted_ca if isinstance(source, IdentitySettings) else None
        key = type(source), source.model_dump_json(), stamp(trusted) if trusted else None
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = _build(source, Fault(Alarm.PROVIDER_IDENTITY, self._alarm))
        return made


def _build(source: Secret | IdentitySettings, fault: Fault) -> Credential:
    if isinstance(source, Secret):
        return StaticKey(source, fault)
    return WorkloadIdentity(source, HttpClient(source.deadline_seconds, source.trusted_ca), fault)


def describe(source: Secret | IdentitySettings) -> str:
    """Says for people which credential the settings name. Nothing secret is in it."""
    if isinstance(source, Secret):
        return f"a static key, {f'environment variable {source.env}' if source.env else f'file {source.file}'}"
    return (
        f"workload identity: {source.token_file} is exchanged at {source.url}"
        f" for tokens of service account {source.service_account_id}"
    )
