"""Makes a caller from the claims of a token, or of an introspection answer.

Claims are read exactly as their RFCs define them (RFC 6749 §3.3 scope, RFC 7519 §2 NumericDate). A claim of another
type is refused.
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
_LATEST: Final = 1e12  # Unix seconds, some 30,000 years; infinities and integers too large for a float are refused


def scopes(claims: Claims) -> frozenset[str] | None:
    """The scopes of the claims ``scope`` and ``scp`` together; None where neither is there.

    Each of the claims is a string of scopes with spaces between them, or a list of strings.

    Raises:
        Refusal: ``unauthorized``, a claim is of another shape.
    """
    present = [claims[name] for name in _SCOPE_CLAIMS if name in claims]
    return frozenset().union(*map(_words, present)) if present else None


def _words(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(value.split(" ")) - {""}  # RFC 6749 separates scopes by spaces; split() takes any white space
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return frozenset(value)
    raise invalid("The token's scope claim is neither a string nor a list of strings.")


def numeric_date(claims: Claims, name: str) -> float | None:
    """The claim ``name`` in Unix seconds (NumericDate, RFC 7519 §2); None where it is absent.

    Raises:
        Refusal: ``unauthorized``, it is no number from 0 to 1e12.
    """
    if name not in claims:
        return None
    value = claims[name]
    if type(value) not in (int, float) or not 0 <= value < _LATEST:
        raise invalid(f"The token's {name} claim is not a date in seconds.")
    return float(value)


def subject(claims: Claims, name: str) -> str | None:
    """The claim ``name``, where it is a string that `SUBJECT_PATTERN` matches; else None."""
    value = claims.get(name)
    return value if isinstance(value, str) and re.fullmatch(SUBJECT_PATTERN, value) else None


def caller(claims: Claims, settings: JwtSettings | IntrospectionSettings) -> Caller:
    """The caller that verified claims describe.

    Where ``settings.grants`` is true, the operator's grants give its scopes, projects and models. Otherwise the claims
    do: without a scope claim it has no scope.

    Raises:
        Refusal: ``unauthorized``, a claim that is needed is missing or of the wrong shape.
    """
    who = subject(claims, settings.subject_claim)
    if who is None:
        raise invalid("The bearer token names no caller: its subject claim is missing or not printable ASCII.")
    if isinstance(settings, JwtSettings) and settings.grants:
        return settings.caller(who, numeric_date(claims, "exp"))
    return Caller(
        subject=(settings.subject_prefix if isinstance(settings, JwtSettings) else "") + who,
        scopes=scopes(claims) or frozenset(),
        projects=_rids(claims, settings.projects_claim),
        models=_rids(claims, settings.models_claim),
        expires_at=numeric_date(claims, "exp"),
    )


def _rids(claims: Claims, name: str | None) -> frozenset[str] | None:
    if name is None:
        return None
    value = claims.get(name, [])  # the operator wants a restriction: a token without the claim may use nothing
    if not isinstance(value, list) or not all(isinstance(rid, str) and is_rid(rid) for rid in value):
        raise invalid("The token's claim of permitted projects or models is not a list of resource identifiers.")
    return frozenset(value)
