"""An API's tables beside the types of the installed OpenAI SDK: whatever those can say must have a row."""

from collections import defaultdict
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typing_extensions import is_typeddict

from addons.bodies.rows import OPAQUE, Either, Later, Leaf, Many, Members, Row, Typed, Values


class Walk:
    """Goes down an SDK type and a table side by side."""

    def __init__(self) -> None:
        self.gaps: list[str] = []
        self.opaque: set[str] = set()
        self.rows: dict[str, set[str]] = defaultdict(set)
        self.sdk: dict[str, set[str]] = defaultdict(set)

    @property
    def beyond_the_sdk(self) -> set[str]:
        """Rows that the SDK's types do not have."""
        return {f"{name}.{row}".removeprefix(".") for name, rows in self.rows.items() for row in rows - self.sdk[name]}

    @property
    def not_in_lower_case(self) -> set[str]:
        return {row for rows in self.rows.values() for row in rows if row != row.casefold()}

    def compare(self, sdk: Any, shape: Any, name: tuple[str, ...]) -> None:  # noqa: C901, PLR0912 - a case a shape
        sdk = _bare(sdk)
        match shape:
            case Row():
                if shape.shape is not None:
                    self.compare(sdk, shape.shape, name)
            case Later():
                self.compare(sdk, shape.of(), name)
            case _ if get_origin(sdk) is Union:
                for option in get_args(sdk):
                    if option is not type(None):
                        self.compare(option, shape, name)
            case Leaf():
                self._leaf(sdk, shape, name)
            case Either():
                self.compare(sdk, _option(sdk, shape), name)
            case Many():
                if not _is_list(sdk):
                    self.gaps.append(f"{'.'.join(name)}: the SDK has {sdk}, the table a list")
                else:
                    self.compare(get_args(sdk)[0], shape.of, name)
            case Values():
                self._values(sdk, shape)
            case Typed():
                self._typed(sdk, shape)
            case Members():
                self._members(sdk, shape, name)

    def _leaf(self, sdk: Any, shape: Leaf, name: tuple[str, ...]) -> None:
        if shape is OPAQUE:
            self.opaque.add(".".join(name))
        elif not shape.fits(_sample(sdk)):
            self.gaps.append(f"{'.'.join(name)}: the SDK's {sdk} is not {shape.noun}")

    def _values(self, sdk: Any, shape: Values) -> None:
        if values := _literals(sdk):  # a URL is any string to the SDK
            self.sdk[shape.name] |= values
            self.rows[shape.name].update(shape.rows)
            self.gaps += [f"{shape.name}: no row for {value!r}" for value in values - set(shape.rows)]

    def _typed(self, sdk: Any, shape: Typed) -> None:
        if get_origin(sdk) is dict:  # allowed_tools: the SDK leaves it open
            return
        types = _literals(_members(sdk)[shape.by]) or set(shape.rows)
        self.sdk[shape.name] |= types
        self.rows[shape.name].update(shape.rows)
        for kind in types:
            if kind in shape.rows:
                self.compare(sdk, shape.rows[kind], (shape.name, kind))
            else:
                self.gaps.append(f"{shape.name}: no row for type {kind!r}")

    def _members(self, sdk: Any, shape: Members, name: tuple[str, ...]) -> None:
        if not (is_typeddict(sdk) or _is_model(sdk)):
            self.gaps.append(f"{'.'.join(name)}: the SDK has {sdk}, the table an object")
            return
        self.rows[".".join(name)].update(shape.rows)
        for member, type_ in _members(sdk).items():
            self.sdk[".".join(name)].add(member)
            if member in shape.rows:
                self.compare(type_, shape.rows[member], (*name, member))
            else:
                self.gaps.append(f"{'.'.join((*name, member))}: no row")


def _bare(sdk: Any) -> Any:
    while get_origin(sdk) in (Required, NotRequired, Annotated):
        sdk = get_args(sdk)[0]
    return sdk.__value__ if hasattr(sdk, "__value__") else sdk


def _is_model(sdk: Any) -> bool:
    return isinstance(sdk, type) and issubclass(sdk, BaseModel)


def _is_list(sdk: Any) -> bool:
    return getattr(get_origin(sdk), "__name__", "") in ("list", "Iterable", "Sequence", "SequenceNotStr")


def _members(sdk: Any) -> dict[str, Any]:
    if _is_model(sdk):
        return {field.alias or name: field.annotation for name, field in sdk.model_fields.items()}
    return get_type_hints(sdk, include_extras=True)


def _literals(sdk: Any) -> set[str]:
    sdk = _bare(sdk)
    if get_origin(sdk) is Union:
        return {value for option in get_args(sdk) for value in _literals(option)}
    return {value for value in get_args(sdk) if isinstance(value, str)} if get_origin(sdk) is Literal else set()


def _sample(sdk: Any) -> Any:
    sdk = _bare(sdk)
    if get_origin(sdk) is Literal:
        return get_args(sdk)[0]
    if get_origin(sdk) is Union:
        return _sample(get_args(sdk)[0])
    if _is_list(sdk):
        return [_sample(get_args(sdk)[0])]
    if get_origin(sdk) is dict:
        return {"key": _sample(get_args(sdk)[1])}
    return {str: "text", int: 1, float: 0.5, bool: True}.get(sdk, object())


def _option(sdk: Any, shape: Either) -> Any:
    """The alternative that takes this type's kind of JSON value."""
    for option in shape.options:
        match option:
            case Many() if _is_list(sdk):
                return option
            case Typed() | Members() if is_typeddict(sdk) or _is_model(sdk):
                return option
            case Leaf() if option.fits(_sample(sdk)):
                return option
            case Values() if isinstance(_sample(sdk), str):
                return option
    raise AssertionError(f"no alternative takes {sdk}")
