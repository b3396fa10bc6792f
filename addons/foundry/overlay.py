"""The operator's rows of the catalogue laid over the shipped ones, member by member."""

from collections.abc import Iterator, Sequence

from addons.foundry.models import Model


def laid_over(shipped: Sequence[Model], extra: Sequence[Model]) -> tuple[Model, ...]:
    """The shipped rows with what ``extra`` says of them, then the rows of models that are not shipped.

    Of a shipped model a row changes the members it names; the others stay. Another ``provider_model`` takes the
    snapshots along, which are dated forms of the shipped one.
    """
    rows = {model.rid: model for model in shipped}
    for row in extra:
        named = {name: getattr(row, name) for name in row.model_fields_set}
        if "provider_model" in named:
            named = {"snapshot": {}, **named}
        below = rows.get(row.rid)
        rows[row.rid] = below.model_copy(update=named) if below else row
    return tuple(rows.values())


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
