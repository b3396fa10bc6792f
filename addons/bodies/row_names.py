"""Every row of the tables by its name, such as ``store``, ``tool.mcp`` or ``service_tier.flex``."""

from collections.abc import Iterator

from addons.bodies.rows import WARNABLE, Either, Later, Many, Members, Row, Shape, Typed, Values


def named_rows(  # noqa: C901 - one case a kind of shape
    shape: Shape | Row | None, name: tuple[str, ...] = (), seen: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Row]]:
    """All rows at and below a shape, with their names; a row that stands in several places comes several times."""
    match shape:
        case Row():
            yield ".".join(name), shape
            yield from named_rows(shape.shape, name, seen)
        case Members():
            for key, row in shape.rows.items():
                yield from named_rows(row, (*name, key), seen)
        case Typed() | Values():
            if shape.name not in seen:
                for key, row in shape.rows.items():
                    yield from named_rows(row, (shape.name, key), seen | {shape.name})
        case Either():
            for option in shape.options:
                yield from named_rows(option, name, seen)
        case Many():
            yield from named_rows(shape.of, name, seen)
        case Later():
            yield from named_rows(shape.of(), name, seen)


def refusable(shape: Shape) -> Iterator[str]:
    """The names of all rows below a shape that may refuse."""
    for name, row in named_rows(shape):
        if row.needs or (row.rule in WARNABLE and row.decision != "strip"):
            yield name
