"""The operator's rows of the catalogue laid over the shipped ones, member by member."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from addons.foundry.models import Model

_DATE: Final = re.compile(r"-\d{4}-\d{2}-\d{2}")


def laid_over(shipped: Sequence[Model], extra: Sequence[Model]) -> tuple[Model, ...]:
    """The shipped rows with what ``extra`` says of them, then the rows of models that are not shipped.

    Of a shipped model a row changes the members it names; the others stay. Another ``provider_model`` takes the
    snapshots along, which are dated forms of the shipped one. Where the row names another model, by either member,
    nothing shipped says how long that one keeps prompts: it is held to keep them for a day, unless the row says so too.
    """
    rows = {model.rid: model for model in shipped}
    for row in extra:
        below = rows.get(row.rid)
        rows[row.rid] = _over(below, row) if below else row
    return tuple(rows.values())


def _over(below: Model, row: Model) -> Model:
    named = {name: getattr(row, name) for name in row.model_fields_set}
    if row.provider_model not in {None, below.provider_model}:
        named = {"snapshot": {}, **named}
    if not all(_is_form_of(below, name) for name in (row.provider_model, *row.snapshot.values())):
        named = {"daily_cache": True, **named}
    return below.model_copy(update=named)


def _is_form_of(model: Model, name: str | None) -> bool:
    """Whether this is the model's own name, perhaps with a date, or none."""
    own = model.provider_model or ""
    return name in {None, own} or bool(name and name.startswith(own) and _DATE.fullmatch(name.removeprefix(own)))


def differences(shipped: Sequence[Model], extra: Sequence[Model]) -> Iterator[tuple[str, str, object, object]]:
    """What ``extra`` changes of the shipped rows: RID, member, shipped value, value in force."""
    before = {model.rid: model for model in shipped}
    for model in laid_over(shipped, extra):
        old = before.get(model.rid)
        if old is None or old == model:
            continue
        for name in Model.model_fields:
            if getattr(old, name) != getattr(model, name):
                yield model.rid, name, getattr(old, name), getattr(model, name)
