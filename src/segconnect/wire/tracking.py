"""Page views and identifications on the wire."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, StringConstraints

from segconnect.types import MAX_CENTS, Cents, Day, Id, Moment, shown
from segconnect.wire.contact import Whose
from segconnect.wire.shape import MAX_TEXT, Blank, Shape, Text

MAX_POSTAL_CODE = 32


def read_country(value: Any) -> str:
    """Reads a country's two letters."""
    letters = value.strip().upper() if isinstance(value, str) else "?"
    if letters and not (len(letters) == 2 and letters.isascii() and letters.isalpha()):
        raise ValueError(f"{shown(value)} is no country; expected its two letters, such as NO")
    return letters


def read_postal_code(value: Any) -> str:
    """Reads a postal code, which may have come as a whole number."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    if isinstance(value, bool) or not isinstance(value, str | int) or len(text) > MAX_POSTAL_CODE:
        raise ValueError(
            f"{shown(value)} is no postal code; expected at most {MAX_POSTAL_CODE} characters"
        )
    return text


def read_address(text: str) -> str:
    """Reads the address of a page, in whatever form."""
    if not text.strip():
        raise ValueError("is empty; expected a page's address")
    return text


Country = Annotated[str, BeforeValidator(read_country)]
"""A country's two letters."""

PageUrl = Annotated[str, StringConstraints(max_length=MAX_TEXT), AfterValidator(read_address)]
"""The address of a page."""

PostalCode = Annotated[str, BeforeValidator(read_postal_code)]


class PageViewShape(Whose):
    """POST /page_view. The same view of the same visitor again replaces it."""

    one_of: ClassVar[tuple[str, ...]] = ("uid", "contact_id", "email")

    uid: Annotated[Id | None, Blank] = None
    url: PageUrl = Field(validation_alias=AliasChoices("url", "full_url"))
    referrer: Text | None = None
    date_created: Annotated[Moment | None, Blank] = None
    id: Annotated[Id | None, Blank] = None
    user_agent: Text | None = None
    ip_address: Text | None = None
    utm_source: Text | None = None
    utm_medium: Text | None = None
    utm_campaign: Text | None = None
    utm_content: Text | None = None
    utm_term: Text | None = None
    ad_id: Annotated[Id | None, Blank] = None
    country_code: Annotated[Country | None, Blank] = None
    region: Text | None = None
    city: Text | None = None
    postal_code: Annotated[PostalCode | None, Blank] = None
    latitude: Annotated[float | None, Blank] = Field(None, ge=-90, le=90)
    longitude: Annotated[float | None, Blank] = Field(None, ge=-180, le=180)


class IdentifyShape(Whose):
    """POST /identify: who a visitor is. `uid` is derived from the contact where it is absent."""

    uid: Annotated[Id | None, Blank] = None


UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


class ExpenseShape(Shape):
    """One line of POST /direct_marketing: what was spent on a day, under these UTM values."""

    utm_source: Text | None = None
    utm_medium: Text | None = None
    utm_campaign: Text | None = None
    utm_content: Text | None = None
    utm_term: Text | None = None
    spend: Cents
    date: Annotated[Day | None, Blank] = Field(
        None, validation_alias=AliasChoices("date", "day", "date_created")
    )
    clicks: Annotated[int | None, Blank] = Field(None, ge=0, le=MAX_CENTS)
    impressions: Annotated[int | None, Blank] = Field(None, ge=0, le=MAX_CENTS)

    def problems(self) -> list[str]:
        """Asks for something that visits can be matched by."""
        return [] if any(getattr(self, name) for name in UTM) else ["missing 'utm_source' field"]
