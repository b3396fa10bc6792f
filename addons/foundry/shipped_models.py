"""The language models shipped with the sidecar: Foundry's RID, and what OpenAI calls and allows it (SPEC §5).

Sources: OpenAI's model pages (limits); its deprecations page as of October 2026 (shutdown dates); its data residency
table for ``/v1/responses`` (the regions that process, and the snapshot each needs; au, in and jp were storage alone
when it was read); its reference of ``prompt_cache_retention`` (``in_memory`` is marked where both policies are
documented; from gpt-5.5 on only ``24h`` is accepted). What was not certain is left out.
"""

from datetime import date
from typing import Final

from addons.foundry.models import Model
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX

_US_EU = ("us", "eu")
_US_EU_AE = ("us", "eu", "ae")


def _row(  # noqa: PLR0913 - one parameter a column
    locator: str,
    provider_model: str,
    limits: tuple[int, int] | None,
    shutdown: str | None = None,
    *,
    snapshot: tuple[str, tuple[str, ...]] | None = None,
    reasoning: bool = True,
    in_memory: bool = False,
) -> Model:
    """``limits``: context window and largest output, in tokens. ``snapshot``: the one to name in these regions."""
    dated, regions = snapshot or ("", ())
    window, output = limits or (None, None)
    return Model(
        rid=LANGUAGE_MODEL_PREFIX + locator,
        provider_model=provider_model,
        snapshot=dict.fromkeys(regions, dated),
        regions=("global", *regions),
        context_window=window,
        max_output_tokens=output,
        reasoning=reasoning,
        in_memory_cache=in_memory,
        shutdown=date.fromisoformat(shutdown) if shutdown else None,
    )


_GPT_4_1 = (1_047_576, 32_768)
_GPT_5 = (400_000, 128_000)
_GPT_5_4 = (1_050_000, 128_000)
_O = (200_000, 100_000)

SHIPPED: Final[tuple[Model, ...]] = (
    _row("gpt-4-o", "gpt-4o", (128_000, 16_384), "2027-01-14", snapshot=("gpt-4o-2024-08-06", _US_EU), reasoning=False),
    _row("gpt-4-1", "gpt-4.1", _GPT_4_1, "2027-01-14", snapshot=("gpt-4.1-2025-04-14", _US_EU_AE), reasoning=False,
         in_memory=True),
    _row("gpt-4-1-mini", "gpt-4.1-mini", _GPT_4_1, "2027-01-14", snapshot=("gpt-4.1-mini-2025-04-14", _US_EU),
         reasoning=False),
    _row("gpt-4-1-nano", "gpt-4.1-nano", _GPT_4_1, "2026-10-23", snapshot=("gpt-4.1-nano-2025-04-14", _US_EU),
         reasoning=False),
    _row("o-3", "o3", _O, "2026-12-11", snapshot=("o3-2025-04-16", _US_EU)),
    _row("o-4-mini", "o4-mini", _O, "2026-10-23", snapshot=("o4-mini-2025-04-16", _US_EU)),
    _row("gpt-5", "gpt-5", _GPT_5, "2026-12-11", snapshot=("gpt-5-2025-08-07", _US_EU), in_memory=True),
    _row("gpt-5-mini", "gpt-5-mini", _GPT_5, "2026-12-11", snapshot=("gpt-5-mini-2025-08-07", _US_EU)),
    _row("gpt-5-nano", "gpt-5-nano", _GPT_5, "2026-12-11", snapshot=("gpt-5-nano-2025-08-07", _US_EU)),
    _row("gpt-5-pro", "gpt-5-pro", (400_000, 272_000), "2026-12-11", snapshot=("gpt-5-pro-2025-10-06", _US_EU)),
    _row("gpt-5-codex", "gpt-5-codex", _GPT_5, "2026-07-23", in_memory=True),
    _row("gpt-5-1", "gpt-5.1", _GPT_5, "2027-04-01", snapshot=("gpt-5.1-2025-11-13", _US_EU), in_memory=True),
    _row("gpt-5-1-codex", "gpt-5.1-codex", _GPT_5, "2026-07-23", in_memory=True),
    _row("gpt-5-1-codex-mini", "gpt-5.1-codex-mini", _GPT_5, "2026-07-23", in_memory=True),
    _row("gpt-5-2", "gpt-5.2", _GPT_5, snapshot=("gpt-5.2-2025-12-11", _US_EU_AE), in_memory=True),
    _row("gpt-5-3-codex", "gpt-5.3-codex", _GPT_5, "2027-04-01"),
    _row("gpt-5-4", "gpt-5.4", _GPT_5_4, snapshot=("gpt-5.4-2026-03-05", _US_EU), in_memory=True),
    _row("gpt-5-4-mini", "gpt-5.4-mini", _GPT_5, snapshot=("gpt-5.4-mini-2026-03-17", _US_EU)),
    _row("gpt-5-4-nano", "gpt-5.4-nano", _GPT_5, "2027-04-01", snapshot=("gpt-5.4-nano-2026-03-17", _US_EU)),
    _row("gpt-5-5", "gpt-5.5", _GPT_5_4, snapshot=("gpt-5.5-2026-04-23", _US_EU)),
    # not among Palantir's documented pairs; these RIDs were seen in enrollments
    _row("gpt-5-6-sol", "gpt-5.6-sol", _GPT_5_4),
    _row("gpt-5-6-terra", "gpt-5.6-terra", None),
    _row("gpt-5-6-luna", "gpt-5.6-luna", None),
)  # fmt: skip
