"""Alarms: what an operator must look at, whether or not a caller noticed anything."""

from enum import StrEnum


class Alarm(StrEnum):
    """Every alarm. Metrics start from this list, so that the first increase of each is seen."""

    FAULT = "fault"  # the sidecar failed
    ANSWER_UNREAD = "answer_unread"  # the provider's answer can't be read: nobody knows what it used, or echoed
    BACKGROUND_ECHOED = "background_echoed"  # the answer says that the provider keeps state
    CALLER_KEYS = "caller_keys"  # an issuer's keys can't be had, or their file went bad
    CALLER_REGISTRY = "caller_registry"  # the registry went bad: changes in it do not count
    CLIENT_CERTIFICATES = "client_certificates"  # a file that callers' certificates are checked by went bad
    CACHED_12H = "cached_12h"  # the provider keeps a prompt for twelve hours, which nobody asked for
    GEORESTRICTION = "georestriction"  # the key belongs to another region
    LEDGER_REPLACED = "ledger_replaced"  # its file was removed under the sidecar; a new one was begun
    LEDGER_UNAVAILABLE = "ledger_unavailable"  # a row of the ledger can't be written
    PROVIDER_CREDENTIALS = "provider_credentials"  # the provider refuses the sidecar's key
    PROVIDER_IDENTITY = "provider_identity"  # there is no credential for the provider, or it can't be renewed
    PROVIDER_KEY_QUOTED = "provider_key_quoted"  # the provider's error quoted the key; it was kept back
    PROVIDER_QUOTA = "provider_quota"  # the account with the provider is out of quota, or not paid for
    SERVICE_TIER_ECHOED = "service_tier_echoed"  # the answer was given at another tier than the request named
    STORE_ECHOED = "store_echoed"  # the answer says that the provider keeps it
    USAGE_IMPLAUSIBLE = "usage_implausible"  # the provider reports more than the model can do
