"""Page views and identifications on the wire."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, BeforeValidator, Field

from segconnect.types import Id, Moment
from segconnect.wire.contact import Whose
from segconnect.wire.shape import Blank, Text


def _country(value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip().upper()
        if value and not (len(value) == 2 and value.isascii() and value.isalpha()):
            raise ValueError("expected a country's two letters, such as NO")
    return value or None


class PageViewShape(Whose):
    """POST /page_view. The same view of the same visitor again replaces it."""

    one_of: ClassVar[tuple[str, ...]] = ("uid", "contact_id", "email")

    uid: Annotated[Id | None, Blank] = None
    url: Text = Field(min_length=1, validation_alias=AliasChoices("url", "full_url"))
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
    country_code: Annotated[str | None, BeforeValidator(_country)] = None
    region: Text | None = None
    city: Text | None = None
    postal_code: Annotated[str | None, Blank] = Field(None, max_length=32)
    latitude: Annotated[float | None, Blank] = Field(None, ge=-90, le=90)
    longitude: Annotated[float | None, Blank] = Field(None, ge=-180, le=180)


class IdentifyShape(Whose):
    """POST /identify: who a visitor is. `uid` is derived from the contact where it is absent."""

    uid: Annotated[Id | None, Blank] = None
