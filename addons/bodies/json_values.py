"""What kind of JSON value stands somewhere: whether a shape takes it, whether it says anything."""

from addons.bodies.rows import SEAL, Leaf, Many, Row, Shape, Values
from addons.bodies.verdict import Json


def is_missing(value: Json, shape: Row | Shape) -> bool:
    return value is None or (shape is SEAL and isinstance(value, str) and not value.strip())


def telling(needs: tuple[str, ...]) -> tuple[str, ...]:
    """The members that count as content: ``status`` does not, unless there is no other."""
    return tuple(member for member in needs if member != "status") or needs


def says_something(value: Json) -> bool:
    """Whether a value holds anything other than white space and ``type`` members."""
    if type(value) is str:
        return value != "" and not value.isspace()
    if type(value) is list:
        for inner in value:  # noqa: SIM110 - any(…) takes longer where the first says it, as nearly always
            if says_something(inner):
                return True
        return False
    if type(value) is dict:
        for key, inner in value.items():  # noqa: SIM110 - any(…) takes longer where the first says it, as nearly always
            if key != "type" and says_something(inner):
                return True
        return False
    return value is not None


def list_of(value: Json) -> list[Json]:
    """The list, or an empty one where something else stands."""
    return value if isinstance(value, list) else []


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
