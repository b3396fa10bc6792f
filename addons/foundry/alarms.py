"""Alarms: what an operator must look at, whether or not a caller noticed anything."""

from enum import StrEnum


class Alarm(StrEnum):
    """Every alarm a call can raise. Metrics start from this list, so that the first increase of each is seen."""

    FAULT = "fault"  # the sidecar failed
    ANSWER_UNREAD = "answer_unread"  # the provider's answer can't be read: nobody knows what it used, or echoed
    BACKGROUND_ECHOED = "background_echoed"  # the answer says that the provider keeps state
    GEORESTRICTION = "georestriction"  # the key belongs to another region
    LEDGER_UNAVAILABLE = "ledger_unavailable"  # a row of the ledger can't be written
    PROVIDER_CREDENTIALS = "provider_credentials"  # the provider refuses the sidecar's key
    PROVIDER_KEY_QUOTED = "provider_key_quoted"  # the provider's error quoted the key; it was kept back
    PROVIDER_QUOTA = "provider_quota"  # the account with the provider is out of quota
    SERVICE_TIER_ECHOED = "service_tier_echoed"  # the answer was given at another tier than the request named
    STORE_ECHOED = "store_echoed"  # the answer says that the provider keeps it
