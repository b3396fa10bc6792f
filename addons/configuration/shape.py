"""What may stand at each place of the configuration, as the sections themselves define it."""

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeAliasType, Union, get_args, get_origin

from pydantic import BaseModel

from addons.configuration.settings import Settings

type Place = tuple[Any, ...]
"""The types that a value may have at one place: sections, mappings, types of single values."""

TOP: Final[Place] = (Settings,)


def place(keys: Sequence[object]) -> Place:
    """The types that may stand under these keys; empty where there are no such keys."""
    here = TOP
    for key in keys:
        here = below(here, key)
    return here


def below(here: Place, key: object) -> Place:
    """The types that may stand under one further key. A section's own key takes precedence over an operator's name."""
    own = [each.model_fields[key].annotation for each in here if is_section(each) and key in each.model_fields]
    if not own:
        wanted = (tuple, list) if isinstance(key, int) else (dict,)
        own = [get_args(each)[-1 if _origin(each) is dict else 0] for each in here if _origin(each) in wanted]
    return tuple(kind for each in own for kind in _kinds(each))


def fixed_keys(here: Place) -> frozenset[str]:
    """The keys that the program defines: those of sections, and of mappings whose keys are a closed list."""
    names = [kind for each in here if _origin(each) is dict for kind in _kinds(get_args(each)[0])]
    closed = {name for kind in names if _origin(kind) is Literal for name in get_args(kind)}
    return frozenset(closed) | frozenset(keys_of(here))


def holds_names(here: Place) -> bool:
    """Whether keys here are names that the operator gives, such as those of callers, projects and models."""
    names = [kind for each in here if _origin(each) is dict for kind in _kinds(get_args(each)[0])]
    return any(_origin(kind) is not Literal for kind in names)


def is_section(kind: Any) -> bool:
    """Whether the type is a section, and not a mapping or a single value."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def keys_of(here: Place) -> tuple[str, ...]:
    """The keys that sections at this place have."""
    return tuple(dict.fromkeys(key for each in here if is_section(each) for key in each.model_fields))


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types of an annotation, without aliases, ``Annotated`` and unions around them."""
    if isinstance(annotation, TypeAliasType):
        yield from _kinds(annotation.__value__)
    elif _origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif _origin(annotation) in {Union, UnionType}:
        for each in get_args(annotation):
            yield from _kinds(each)
    else:
        yield annotation


def _origin(kind: Any) -> Any:
    return get_origin(kind)  # typeshed declares no result for plain classes; here it is None
