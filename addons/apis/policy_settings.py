"""The configuration section ``policy``: where the tables leave the operator a choice (docs/contract.md#fields)."""

import difflib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from addons.apis.table import APIS
from addons.bodies.choices import Mode
from addons.bodies.row_names import refusable
from addons.bodies.rows import WARNABLE, Decision, Row
from addons.foundry.models import Rid
from addons.values.program import PROGRAM
from addons.values.secret import Secret

type Choice = Literal["refuse", "allow"]

ROWS: Final = frozenset(name for api in APIS for name in refusable(api.request))
"""Every row of any API that can refuse: ``background``, ``tool.mcp``, ``item.item_reference`` …"""


def _known_rules(rules: dict[str, Mode]) -> dict[str, Mode]:
    for name in rules:
        if name not in WARNABLE and name not in ROWS:
            near = difflib.get_close_matches(name, sorted(WARNABLE | ROWS))
            advice = f"did you mean {near[0]}?" if near else f"{PROGRAM} policy lists the rows"
            raise ValueError(
                f"{name!r} is neither a rule ({', '.join(sorted(WARNABLE))}) nor a row that may refuse; {advice}"
            )
    return rules


class PolicySettings(BaseModel):
    """What a body may hold. Every default is the strictest choice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Annotated[
        Mode,
        Field(
            description="enforce refuses what the tables refuse. warn only records it, for trying the policy on live"
            " traffic; even so store is sent as false, fields that name a person are taken out, and malformed values"
            " are refused. Default enforce: a policy that only records protects nothing"
        ),
    ] = "enforce"
    rules: Annotated[
        dict[str, Mode],
        AfterValidator(_known_rules),
        Field(
            description="a mode of its own for a rule (COST) or for one row of the tables (tool.mcp, background); a row"
            " goes before its rule, a rule before mode. Default empty: one mode for all is the easiest to reason about"
        ),
    ] = {}
    store_true: Annotated[
        Literal["refuse", "coerce"],
        Field(
            description="store: true is refused, or sent as false. Default refuse: a caller that asks for storage"
            " counts on finding the response again, and would fail later and less clearly"
        ),
    ] = "refuse"
    web_search: Annotated[
        Literal["refuse", "strip", "cache_only", "allow"],
        Field(
            description="refuse; strip takes the tool out (Codex offers it by default); cache_only lets it answer from"
            " the provider's index alone (external_web_access: false). Default refuse: queries made from the prompt"
            " leave for the open web"
        ),
    ] = "refuse"
    remote_urls: Annotated[
        Choice,
        Field(
            description="http(s) URLs of images and files. Default refuse: the provider would fetch them, from wherever"
            " it runs; data: URLs are always allowed"
        ),
    ] = "refuse"
    max_body_bytes: Annotated[
        int,
        Field(
            gt=0,
            description="bytes of a body, also after decoding. Default 32 MiB: room for a conversation with images,"
            " and little enough to hold several at once",
        ),
    ] = 32 * 1024 * 1024
    max_json_values: Annotated[
        int,
        Field(
            gt=0,
            description="JSON values in a body: objects, lists, texts, numbers. Default 500,000: a history of 400 turns"
            " has 6,400 and embeddings of token arrays 300,000, while 32 MiB of {} would become 1 GB of objects",
        ),
    ] = 500_000
    service_tiers: Annotated[
        tuple[Literal["flex", "scale", "priority", "fast", "ultrafast"], ...],
        Field(description="service tiers allowed beside auto and default. Default none: each has its own price"),
    ] = ()
    reasoning_pro: Annotated[
        Choice, Field(description="reasoning.mode: pro. Default refuse: it costs many times a standard call")
    ] = "refuse"
    image_generation: Annotated[
        Choice,
        Field(description="the image_generation tool. Default refuse: a second model, with its own price"),
    ] = "refuse"
    computer: Annotated[
        Choice, Field(description="the computer tools. Default refuse: every step sends whole screens")
    ] = "refuse"
    server_tool_search: Annotated[
        Choice,
        Field(description="tool_search run by the provider. Default refuse: the client can search its own tools"),
    ] = "refuse"
    models_with_daily_cache: Annotated[
        tuple[Rid, ...],
        Field(
            description="RIDs of models that may be used although they keep prompts at the provider for up to 24 hours"
            " (gpt-5.5 and later take no other retention). Default none: such a model is used only where"
            " provider.zero_data_retention is attested"
        ),
    ] = ()
    candidate: Annotated[
        Path | None,
        Field(
            description="path of a configuration whose sections policy, models and provider.zero_data_retention are"
            " judged as well; they change nothing, and each record says where they would. Default none: each call is"
            " judged once"
        ),
    ] = None
    review_days: Annotated[
        int,
        Field(
            gt=0,
            description="days after which check lists the rows of the tables whose source was not looked at again."
            " Default 180: OpenAI gives at least as much notice of what it takes away",
        ),
    ] = 180
    safety_identifier: Annotated[
        Secret | None,
        Field(
            description="key under which the caller's subject is hashed (HMAC-SHA-256) into safety_identifier. Default"
            " none: the provider is not told who calls; what the caller sends is taken out either way"
        ),
    ] = None
    prompt_cache_key: Annotated[
        Literal["caller", "session"],
        Field(
            description="session: a call without prompt_cache_key gets the hash of X-Palantir-session-id, for more"
            " cache hits. Default caller: only what the caller sends"
        ),
    ] = "caller"

    def decision(self, row: Row, key: str) -> Decision:
        """What is decided of a row; ``key`` is the last part of its name."""
        if row.setting is None:
            return row.decision
        chosen = getattr(self, row.setting)
        if isinstance(chosen, tuple):  # a list of what is allowed
            return "allow" if key in chosen else "refuse"
        decision: Decision = chosen
        return decision

    def mode_of(self, rule: str, row: str) -> Mode:
        """Whether a refusal stops the call: the row's own mode goes before its rule's, that before ``mode``."""
        return self.rules.get(row) or self.rules.get(rule) or self.mode
