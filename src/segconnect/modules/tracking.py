"""Page views and visitors, which an account of one's own takes in bulk."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from segconnect.modules.base import Module, filled, optional, required
from segconnect.modules.values import Latitude, Longitude, Text
from segconnect.types import Email, Id, Moment
from segconnect.wire.tracking import MAX_POSTAL_CODE, read_address, read_country

OURS = "segconnect"

PageUrl = Annotated[Text, AfterValidator(read_address)]
Country = Annotated[Text, AfterValidator(read_country)]
PostalCode = Annotated[Text, Field(max_length=MAX_POSTAL_CODE)]


class RecordPageView(Module):
    """Records a page view, such as one of a server's log or of another tool's export.

    An account of segconnect's own takes it; the hosted service has no such call. The same view of
    the same visitor again replaces it.
    """

    label = "Record a Page View"
    group = "Tracking"
    endpoint = "POST page_view"
    keyed_by = ("uid", "contact_id", "email")
    advanced = True
    one_of = (("uid", "email", "contact_id"),)
    example = filled(
        uid="v5k2",
        url="https://tea.example/green?utm_source=google&utm_medium=cpc&ad_id=A1",
        date_created="2026-02-01 09:30:00",
        referrer="https://www.google.com/",
    )

    uid: Id | None = optional("Visitor", "The visitor's uid.", source=OURS)
    url: PageUrl = required("URL", "The page that was seen, with its query.", source=OURS)
    date_created: Moment = required("Date Created", "When it was seen.", source=OURS)
    referrer: Text | None = optional(
        "Referrer", "Where the visitor came from: a URL or a host.", source=OURS
    )
    email: Email | None = optional(
        "Email Address", "The visitor's email, if it is known.", source=OURS
    )
    contact_id: Id | None = optional(
        "Contact ID", "The visitor's contact ID, if it is known.", source=OURS
    )
    id: Id | None = optional(
        "View ID", "Tells two views of one page in one second apart.", advanced=True, source=OURS
    )
    user_agent: Text | None = optional(
        "User Agent", "What the browser calls itself; bots are known by it.", source=OURS
    )
    ip_address: Text | None = optional(
        "IP Address", "The visitor's address; its last part is not kept.", source=OURS
    )
    utm_source: Text | None = optional(
        "UTM Source", "In place of the URL's.", advanced=True, source=OURS
    )
    utm_medium: Text | None = optional(
        "UTM Medium", "In place of the URL's.", advanced=True, source=OURS
    )
    utm_campaign: Text | None = optional(
        "UTM Campaign", "In place of the URL's.", advanced=True, source=OURS
    )
    utm_content: Text | None = optional(
        "UTM Content", "In place of the URL's.", advanced=True, source=OURS
    )
    utm_term: Text | None = optional(
        "UTM Term", "In place of the URL's.", advanced=True, source=OURS
    )
    ad_id: Id | None = optional("Ad ID", "In place of the URL's.", advanced=True, source=OURS)
    country_code: Country | None = optional(
        "Country", "The country's two letters.", advanced=True, source=OURS
    )
    region: Text | None = optional("Region", "The region's name.", advanced=True, source=OURS)
    city: Text | None = optional("City", "The city's name.", advanced=True, source=OURS)
    postal_code: PostalCode | None = optional(
        "Postal Code", "The postal code.", advanced=True, source=OURS
    )
    latitude: Latitude | None = optional("Latitude", "Degrees north.", advanced=True, source=OURS)
    longitude: Longitude | None = optional("Longitude", "Degrees east.", advanced=True, source=OURS)


class IdentifyVisitor(Module):
    """Says who a visitor is; what the visitor saw before is the contact's from then on, too.

    An account of segconnect's own takes it; the hosted service has another call for pages.
    """

    label = "Identify a Visitor"
    group = "Tracking"
    endpoint = "POST identify"
    keyed_by = ("uid", "contact_id", "email")
    advanced = True
    one_of = (("email", "contact_id"),)
    example = filled(uid="v5k2", email="joey@bloggs.com")

    uid: Id | None = optional(
        "Visitor", "The visitor's uid; made from the contact's where it is absent.", source=OURS
    )
    email: Email | None = optional("Email Address", "The visitor's email.", source=OURS)
    contact_id: Id | None = optional("Contact ID", "The visitor's contact ID.", source=OURS)
