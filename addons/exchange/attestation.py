"""The operator's word that OpenAI keeps nothing: who gives it, since when, and where that is written."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_serializer, model_validator

WORD: Final = "attested"
GOOD_FOR: Final = dt.timedelta(days=365)
"""A setting of somebody else's organization is looked at once a year."""

_EXAMPLE: Final = "{by: NAME, date: 2026-05-01, reference: WHERE IT IS WRITTEN}"

_MOST: Final = 200  # characters


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _MOST:
        raise ValueError(f"write one line of printable characters, at most {_MOST}")
    return text


type _Line = Annotated[str, AfterValidator(_line)]


class Attestation(BaseModel):
    """That the OpenAI project is under zero data retention. The plain word ``attested`` gives none of the members."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Annotated[_Line | None, Field(description="who attests it. Default none: the plain word names nobody")] = None
    date: Annotated[
        dt.date | None,
        Field(description="the day OpenAI's confirmation was looked at. Default none: the plain word names no day"),
    ] = None
    reference: Annotated[
        _Line | None,
        Field(
            description="where the confirmation is kept: a contract, a ticket. Default none: the plain word has none"
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _all_or_the_word(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and (missing := [name for name in cls.model_fields if given.get(name) is None]):
            raise ValueError(f"{' and '.join(missing)} missing; write {_EXAMPLE}, or the plain word {WORD}")
        return given

    @model_serializer(mode="wrap")
    def _as_written(self, members: Any) -> Any:
        return members(self) if self.by is not None else WORD

    def notes(self, today: dt.date) -> Iterator[str]:
        """What an operator should do about it, in sentences."""
        if self.by is None or self.date is None:
            yield f"provider.zero_data_retention names nobody, no day and no reference; write {_EXAMPLE}"
        elif self.date > today:
            yield f"provider.zero_data_retention was attested on {self.date}, which is yet to come"
        elif today - self.date > GOOD_FOR:
            yield (
                f"provider.zero_data_retention was attested by {self.by} on {self.date}, over a year ago; look at"
                " OpenAI's confirmation again and write the new date"
            )

    def __str__(self) -> str:
        return f"{WORD} by {self.by} on {self.date} ({self.reference})" if self.by is not None else WORD


def _plain_word(given: object) -> object:
    if given == WORD:
        return Attestation.model_construct()
    if given is not None and not isinstance(given, Mapping | Attestation):
        raise ValueError(f"write {WORD}, or {_EXAMPLE}")
    return given


type Attested = Annotated[
    Attestation | None,
    BeforeValidator(_plain_word, json_schema_input_type=Literal["attested"] | Attestation | None),
]
