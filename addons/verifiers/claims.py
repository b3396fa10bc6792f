"""Makes a caller from the claims of a token, or of an introspection answer.

Claims are read as narrowly as their RFCs write them (6749 §3.3 scope, 7519 §2 NumericDate): a claim of another
type is a refusal, never a guess.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from addons.foundry.caller import Caller
from addons.foundry.rid import is_rid
from addons.verifiers.grant import SUBJECT_PATTERN
from addons.verifiers.refused import invalid
from addons.verifiers.sections import IntrospectionSettings, JwtSettings

type Claims = Mapping[str, Any]

_SCOPE_CLAIMS: Final = ("scope", "scp")
_LATEST: Final = 1e12  # seconds: beyond any date meant; keeps infinities and absurd integers out of arithmetic


def scopes(claims: Claims) -> frozenset[str] | None:
    """The scopes in ``scope`` and ``scp``, each a space-separated string or a list; None where neither is there.

    Raises:
        Refusal: either is of another shape.
    """
    present = [claims[name] for name in _SCOPE_CLAIMS if name in claims]
    return frozenset().union(*map(_words, present)) if present else None


def _words(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(value.split(" ")) - {""}  # the RFC's separator; split() would take any white space
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return frozenset(value)
    raise invalid("The token's scope claim is neither a string nor a list of strings.")


def moment(claims: Claims, name: str) -> float | None:
    """A NumericDate claim in Unix seconds, None where it is absent.

    Raises:
        Refusal: it is not a number, or none a clock can show.
    """
    if name not in claims:
        return None
    value = claims[name]
    if type(value) not in (int, float) or not 0 <= value < _LATEST:
        raise invalid(f"The token's {name} claim is not a date in seconds.")
    return float(value)


def subject(claims: Claims, name: str) -> str | None:
    """A name that may stand in records, or None."""
    value = claims.get(name)
    return value if isinstance(value, str) and re.fullmatch(SUBJECT_PATTERN, value) else None


def caller(claims: Claims, settings: JwtSettings | IntrospectionSettings) -> Caller:
    """The caller that verified claims describe. Where the operator's grants decide, it holds what they grant.

    Raises:
        Refusal: a claim that is needed is missing or of the wrong shape.
    """
    who = subject(claims, settings.subject_claim)
    if who is None:
        raise invalid("The token does not say whose it is: its subject claim is missing or not printable ASCII.")
    if isinstance(settings, JwtSettings) and settings.grants:
        return settings.caller(who, moment(claims, "exp"))
    return Caller(
        subject=(settings.subject_prefix if isinstance(settings, JwtSettings) else "") + who,
        scopes=scopes(claims) or frozenset(),
        projects=_rids(claims, settings.projects_claim),
        models=_rids(claims, settings.models_claim),
        expires_at=moment(claims, "exp"),
    )


def _rids(claims: Claims, name: str | None) -> frozenset[str] | None:
    if name is None:
        return None
    value = claims.get(name, [])  # the operator asked for a restriction: a token without it may use nothing
    if not isinstance(value, list) or not all(isinstance(rid, str) and is_rid(rid) for rid in value):
        raise invalid("The token's claim of permitted projects or models is not a list of resource identifiers.")
    return frozenset(value)
