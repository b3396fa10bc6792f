"""What kind of JSON value stands somewhere, for the walk: whether a shape takes it, whether it says anything."""

from addons.bodies.rows import SEAL, Leaf, Many, Row, Shape, Values
from addons.bodies.verdict import Json


def is_missing(value: Json, shape: Row | Shape) -> bool:
    return value is None or (shape is SEAL and isinstance(value, str) and not value.strip())


def is_blank(value: Json) -> bool:
    """Whether nothing is said: no text, no part with a text, nothing but a type."""
    match value:
        case None:
            return True
        case str():
            return not value.strip()
        case list():
            return all(is_blank(inner) for inner in value)
        case dict():
            return all(is_blank(inner) for key, inner in value.items() if key != "type")
    return False


def takes(shape: Shape, value: Json) -> bool:
    match shape:
        case Leaf():
            return shape.fits(value)
        case Values():
            return isinstance(value, str)
        case Many():
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


def noun_of(shape: Shape) -> str:
    match shape:
        case Leaf():
            return shape.noun
        case Values():
            return "a string"
        case Many():
            return "a list"
        case _:
            return "an object"
