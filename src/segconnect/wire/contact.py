"""Contacts and tags on the wire."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AliasChoices, Discriminator, Field, Tag

from segconnect.types import Email, Id, Moment
from segconnect.wire.shape import Blank, Shape, Text


class Status(StrEnum):
    """Whether a contact is opted in."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class TagShape(Shape):
    """A tag by id, by name, or by both; `date` is when it was applied (default: now)."""

    id: Id | None = Field(None, validation_alias=AliasChoices("id", "tag_id"))
    name: Text | None = None
    date: Annotated[Moment | None, Blank] = None

    def problems(self) -> list[str]:
        """Refuses a tag that names nothing."""
        return [] if self.id or self.name else ["a tag needs an 'id' or a 'name'"]


TagRef = Annotated[
    Annotated[Id, Tag("a reference")] | Annotated[TagShape, Tag("an object")],
    Discriminator(lambda v: "an object" if isinstance(v, dict | TagShape) else "a reference"),
]


NOBODY = "missing 'contact_id' or 'email' field"


class Whose(Shape):
    """A body that names a contact by `contact_id` or `email`."""

    contact_id: Annotated[Id | None, Blank] = None
    email: Annotated[Email | None, Blank] = None

    def problems(self) -> list[str]:
        """Asks for one of the two."""
        return [] if self.contact_id or self.email else [NOBODY]

    @classmethod
    def also(cls, values: Any) -> list[str]:
        """Asks for one of the two in a body that has other faults, too."""
        if not isinstance(values, dict) or values.get("contact_id") or values.get("email"):
            return []
        return [NOBODY]


class ContactShape(Whose):
    """POST /contact. What is absent stays as it was; null empties a field."""

    first_name: Text | None = None
    last_name: Text | None = None
    status: Annotated[Status | None, Blank] = None
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
    custom_fields: dict[Text, Any] | None = Field(None, max_length=1000)

    def problems(self) -> list[str]:
        """Refuses a tag that names nothing, and custom fields that are not plain values."""
        return super().problems() + tag_problems(self.tags) + _field_problems(self.custom_fields)


def _field_problems(fields: dict[str, Any] | None) -> list[str]:
    return [
        f"'custom_fields.{key}' field: expected a text, number, boolean or null"
        for key, value in (fields or {}).items()
        if isinstance(value, list | dict)
    ]


def tag_problems(tags: list[Any] | None) -> list[str]:
    """Answers what is wrong with tags given as objects."""
    return [p for tag in tags or () if isinstance(tag, TagShape) for p in tag.problems()]


class TagsShape(Whose):
    """POST /tags/add and /tags/remove."""

    tags: list[TagRef] = Field(max_length=1000)

    def problems(self) -> list[str]:
        """Refuses a tag that names nothing."""
        return super().problems() + tag_problems(self.tags)
