"""Contacts and tags on the wire."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from segconnect.types import Email, Id, Moment
from segconnect.wire.shape import Blank, Name, Shape, Text, lower


class Status(StrEnum):
    """Whether a contact is opted in."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class TagShape(Shape):
    """A tag by id, by name, or by both; `date` is when it was applied (default: now)."""

    id: Annotated[Id | None, Blank] = Field(None, validation_alias=AliasChoices("id", "tag_id"))
    name: Annotated[Name | None, Blank] = None
    date: Annotated[Moment | None, Blank] = None

    @model_validator(mode="after")
    def names_something(self) -> Self:
        """Refuses a tag that names nothing."""
        if not self.id and not self.name:
            raise ValueError("a tag needs an 'id' or a 'name'")
        return self


TagRef = Annotated[
    Annotated[Name, Tag("a reference")] | Annotated[TagShape, Tag("an object")],
    Discriminator(lambda v: "an object" if isinstance(v, dict | TagShape) else "a reference"),
]


class Whose(Shape):
    """A body that names a contact by `contact_id` or `email`."""

    one_of: ClassVar[tuple[str, ...]] = ("contact_id", "email")

    contact_id: Annotated[Id | None, Blank] = None
    email: Annotated[Email | None, Blank] = None

    def problems(self) -> list[str]:
        """Asks for one of them."""
        return self._missing(self.__dict__)

    @classmethod
    def also(cls, values: Any) -> list[str]:
        """Asks for one of them in a body that has other faults, too."""
        return cls._missing(values) if isinstance(values, dict) else []

    @classmethod
    def _missing(cls, values: dict[str, Any]) -> list[str]:
        if any(values.get(name) for name in cls.one_of):
            return []
        *names, last = (f"'{name}'" for name in cls.one_of)
        return [f"missing {', '.join(names)} or {last} field"]


def _as_fields(value: Any) -> Any:
    return {} if value == [] else value  # how PHP writes an object without keys


def _read_plain(value: Any) -> Any:
    if (
        isinstance(value, list | dict)
        or (isinstance(value, float) and not isfinite(value))
        or (isinstance(value, int) and not -MAX_NUMBER <= value <= MAX_NUMBER)
    ):
        raise ValueError("expected a text, number, boolean or null")
    return value


MAX_NUMBER = 2**63 - 1  # what the integers of other programs hold; longer ones are texts
PlainValue = Annotated[Any, AfterValidator(_read_plain)]


class ContactShape(Whose):
    """POST /contact. What is absent stays as it was; null empties a field."""

    first_name: Text | None = None
    last_name: Text | None = None
    status: Annotated[Status | None, Blank, BeforeValidator(lower)] = None
    date_created: Annotated[Moment | None, Blank] = None
    last_updated: Annotated[Moment | None, Blank] = None
    utm_source: Text | None = None
    utm_medium: Text | None = None
    utm_campaign: Text | None = None
    utm_content: Text | None = None
    utm_term: Text | None = None
    referring_url: Text | None = None
    optin_url: Text | None = None
    ip_address: Text | None = None
    affiliate_id: Annotated[Id | None, Blank] = None
    geo_lat: Annotated[float | None, Blank] = Field(None, ge=-90, le=90)
    geo_lon: Annotated[float | None, Blank] = Field(None, ge=-180, le=180)
    tags: list[TagRef] | None = Field(None, max_length=1000)
    custom_fields: Annotated[dict[Text, PlainValue] | None, BeforeValidator(_as_fields)] = Field(
        None, max_length=1000
    )


class TagsShape(Whose):
    """POST /tags/add and /tags/remove."""

    tags: list[TagRef] = Field(max_length=1000)
