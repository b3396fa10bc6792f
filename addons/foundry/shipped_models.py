"""The language models shipped with the sidecar: Foundry's RID, and what OpenAI calls and allows it.

Source: docs/contract.md#models.

Sources, read in November 2026: OpenAI's model pages (limits; for 5.6 and later as gateways repeat them); its page of
deprecations (shutdown dates, successors); its data residency guide, the table of endpoints, row ``/v1/responses`` (the
regions that process, and the snapshot each needs; au, in and jp store alone); its reference of
``prompt_cache_retention`` (``in_memory`` is marked where both policies are documented, ``daily`` from gpt-5.5 on, where
only ``24h`` is accepted). What was not certain is left out.
``Model.source`` says where each RID is from; which APIs serve a model stands on its page.
"""

from datetime import date
from typing import Final

from addons.foundry.models import ApiName, Model
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX

DOCUMENTED: Final = "documented by Palantir"
SEEN: Final = "seen in public clients"
GUESSED: Final = "guessed: formed as its neighbours are; check Foundry's Model Catalog"

_US_EU = ("us", "eu")
_US_EU_AE = ("us", "eu", "ae")


def _row(  # noqa: PLR0913 - one parameter a column
    locator: str,
    provider_model: str,
    limits: tuple[int, int],
    shutdown: str | None = None,
    *,
    dated: str | None = None,
    regions: tuple[str, ...] = (),
    reasoning: bool = True,
    in_memory: bool = False,
    daily: bool = False,
    successor: str | None = None,
    apis: tuple[ApiName, ...] = ("responses", "chat_completions"),
    source: str = DOCUMENTED,
) -> Model:
    """``limits``: context window and largest output, in tokens. ``dated``: the snapshot to name in these regions."""
    window, output = limits
    return Model(
        rid=LANGUAGE_MODEL_PREFIX + locator,
        provider_model=provider_model,
        snapshot=dict.fromkeys(regions, f"{provider_model}-{dated}") if dated else {},
        regions=("global", *regions),
        apis=apis,
        context_window=window,
        max_output_tokens=output,
        reasoning=reasoning,
        in_memory_cache=in_memory,
        daily_cache=daily,
        shutdown=date.fromisoformat(shutdown) if shutdown else None,
        successor=successor,
        source=source,
    )


def _embedding(locator: str, provider_model: str, source: str) -> Model:
    """It takes 8,192 tokens an input, and keeps nothing."""
    return Model(
        rid=LANGUAGE_MODEL_PREFIX + locator,
        provider_model=provider_model,
        apis=("embeddings",),
        context_window=8_192,
        daily_cache=False,
        source=source,
    )


_RESPONSES_ALONE: Final[tuple[ApiName, ...]] = ("responses",)

_GPT_4_1 = (1_047_576, 32_768)
_GPT_5 = (400_000, 128_000)
_GPT_5_4 = (1_050_000, 128_000)
_O = (200_000, 100_000)

SHIPPED: Final[tuple[Model, ...]] = (
    _row("gpt-4-o", "gpt-4o", (128_000, 16_384), "2027-01-14", dated="2024-08-06", regions=_US_EU, reasoning=False,
         successor="gpt-6-luna"),
    _row("gpt-4-1", "gpt-4.1", _GPT_4_1, "2027-01-14", dated="2025-04-14", regions=_US_EU, reasoning=False,
         in_memory=True, successor="gpt-6-luna"),
    _row("gpt-4-1-mini", "gpt-4.1-mini", _GPT_4_1, "2027-01-14", dated="2025-04-14", regions=_US_EU, reasoning=False,
         successor="gpt-6-luna"),
    _row("gpt-4-1-nano", "gpt-4.1-nano", _GPT_4_1, "2026-10-23", dated="2025-04-14", regions=_US_EU, reasoning=False,
         successor="gpt-5.6-luna"),
    _row("o-3", "o3", _O, "2026-12-11", dated="2025-04-16", regions=_US_EU, successor="gpt-5.6-sol"),
    _row("o-4-mini", "o4-mini", _O, "2026-10-23", dated="2025-04-16", regions=_US_EU, successor="gpt-5.6-terra"),
    _row("gpt-5", "gpt-5", _GPT_5, "2026-12-11", dated="2025-08-07", regions=_US_EU, in_memory=True,
         successor="gpt-6.1-sol"),
    _row("gpt-5-mini", "gpt-5-mini", _GPT_5, "2026-12-11", dated="2025-08-07", regions=_US_EU,
         successor="gpt-6.1-terra"),
    _row("gpt-5-nano", "gpt-5-nano", _GPT_5, "2026-12-11", dated="2025-08-07", regions=_US_EU, successor="gpt-6-luna"),
    _row("gpt-5-pro", "gpt-5-pro", (400_000, 272_000), "2026-12-11", dated="2025-10-06", regions=_US_EU,
         successor="gpt-5.6-sol", apis=_RESPONSES_ALONE),
    _row("gpt-5-codex", "gpt-5-codex", _GPT_5, "2026-07-23", in_memory=True, successor="gpt-5.4",
         apis=_RESPONSES_ALONE),
    _row("gpt-5-1", "gpt-5.1", _GPT_5, "2027-04-01", dated="2025-11-13", regions=_US_EU, in_memory=True),
    _row("gpt-5-1-codex", "gpt-5.1-codex", _GPT_5, "2026-07-23", in_memory=True, apis=_RESPONSES_ALONE),
    _row("gpt-5-1-codex-mini", "gpt-5.1-codex-mini", _GPT_5, "2026-07-23", in_memory=True, successor="gpt-5.4-mini",
         apis=_RESPONSES_ALONE),
    _row("gpt-5-2", "gpt-5.2", _GPT_5, dated="2025-12-11", regions=_US_EU_AE, in_memory=True),
    _row("gpt-5-3-codex", "gpt-5.3-codex", _GPT_5, "2027-04-01", apis=_RESPONSES_ALONE),
    _row("gpt-5-4", "gpt-5.4", _GPT_5_4, dated="2026-03-05", regions=_US_EU, in_memory=True),
    _row("gpt-5-4-mini", "gpt-5.4-mini", _GPT_5, dated="2026-03-17", regions=_US_EU),
    _row("gpt-5-4-nano", "gpt-5.4-nano", _GPT_5, "2027-04-01", dated="2026-03-17", regions=_US_EU),
    _row("gpt-5-5", "gpt-5.5", _GPT_5_4, dated="2026-04-23", regions=_US_EU_AE, daily=True),
    _row("gpt-5-6-sol", "gpt-5.6-sol", _GPT_5_4, regions=_US_EU, daily=True, source=SEEN),
    _row("gpt-5-6-terra", "gpt-5.6-terra", _GPT_5_4, regions=_US_EU, daily=True, source=SEEN),
    _row("gpt-5-6-luna", "gpt-5.6-luna", _GPT_5_4, regions=_US_EU_AE, daily=True, source=SEEN),
    _row("gpt-6-astra", "gpt-6-astra", _GPT_5_4, regions=_US_EU, daily=True, source=GUESSED),
    _row("gpt-6-sol", "gpt-6-sol", _GPT_5_4, regions=_US_EU, daily=True, source=GUESSED),
    _row("gpt-6-luna", "gpt-6-luna", _GPT_5_4, regions=_US_EU, daily=True, source=GUESSED),
    _row("gpt-6-1-sol", "gpt-6.1-sol", _GPT_5_4, regions=_US_EU, daily=True, source=SEEN),
    # the data residency guide, as read, did not list these yet
    _row("gpt-6-1-terra", "gpt-6.1-terra", _GPT_5_4, daily=True, source=GUESSED),
    _row("gpt-6-2-astra", "gpt-6.2-astra", _GPT_5_4, daily=True, source=GUESSED),
    _row("gpt-6-2-sol", "gpt-6.2-sol", _GPT_5_4, daily=True, source=GUESSED),
    _embedding("text-embedding-ada-002_azure", "text-embedding-ada-002", DOCUMENTED),
    _embedding("text-embedding-3-small_azure", "text-embedding-3-small", SEEN),
    _embedding("text-embedding-3-large_azure", "text-embedding-3-large", SEEN),
    _embedding("text-embedding-3-small", "text-embedding-3-small", SEEN),
    _embedding("text-embedding-3-large", "text-embedding-3-large", SEEN),
)  # fmt: skip
