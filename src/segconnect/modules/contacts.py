"""Contacts and tags."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Discriminator, model_validator
from pydantic import Tag as PydanticTag

from segconnect.modules.base import Collection, Module, Option, filled, optional, required
from segconnect.modules.values import AS_LIST, Latitude, Longitude, Pairs, Text
from segconnect.types import Email, Id, Moment
from segconnect.wire.shape import Name

CONTACT_DOCS = "rest/_contacts.md"
TAG_DOCS = "rest/_tags.md"


class ContactStatus(Option):
    """Opt-in status. The empty choice is the form's blank: nothing is sent."""

    EMPTY = "", "Empty"
    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"


class UpdateBy(Option):
    """How Add Tag to Contact finds the contact."""

    EMAIL = "email", "By Email"
    CONTACT_ID = "contact_id", "By Contact ID"


class Tag(Collection):
    """A tag with its id and name, and when it was applied (default: now)."""

    one_of = (("id", "name"),)

    id: Id | None = optional("Tag ID", "The tag's ID.", source=TAG_DOCS)
    name: Name | None = optional("Tag Name", "The tag's name.", source=TAG_DOCS)
    date: Moment | None = optional("Date", "When the tag was applied.", source=TAG_DOCS)

    @model_validator(mode="after")
    def _names_a_tag(self) -> Self:
        if missing := self.missing(self.__dict__):
            raise ValueError(*missing)
        return self


TagRef = Annotated[
    Annotated[Name, PydanticTag("a reference")] | Annotated[Tag, PydanticTag("a collection")],
    Discriminator(lambda v: "a collection" if isinstance(v, (dict, Tag)) else "a reference"),
]
"""A tag's name or ID, or both with the date on which it was applied."""

Tags = Annotated[list[TagRef], AS_LIST]


class AddUpdateContact(Module):
    """Adds a contact to the integration, or updates the one that it already has.

    A contact is looked for by Contact ID, then by email. The tags given here replace the
    contact's tags; custom fields are merged into its fields, and null removes a field.
    """

    label = "Add/Update a Contact"
    group = "Contacts and Tags"
    endpoint = "POST contact"
    idempotent = True  # keyed on contact_id, else on email: sending it twice is harmless
    one_of = (("email", "contact_id"),)
    example = filled(
        email="joey@bloggs.com",
        date_created="2026-03-01 09:30:00",
        first_name="Joey",
        last_name="Bloggs",
        status="active",
        tags=["New Lead", "Webinar"],
        custom_fields={"company": "Acme"},
    )

    email: Email | None = optional("Contact Email Address", "Email address to add or update.")
    date_created: Moment | None = optional("Date Created", "When the contact was created.")
    first_name: Text | None = optional("First Name", "The contact's first name.")
    last_name: Text | None = optional("Last Name", "The contact's last name.")
    status: ContactStatus | None = optional("Status", "Whether the contact is opted in.")
    tags: Tags | None = optional(
        "Tags", "Tag names or Tag IDs; they replace the old ones.", flag="tag"
    )
    custom_fields: Pairs | None = optional(
        "Custom Fields",
        "Keys and values, such as company and Acme; they are merged into the contact's, and null"
        " removes a key.",
        flag="custom-field",
    )
    contact_id: Id | None = optional(
        "Contact ID", "Looked for before the email.", advanced=True, source=CONTACT_DOCS
    )
    last_updated: Moment | None = optional(
        "Last Updated", "When the contact changed last.", advanced=True, source=CONTACT_DOCS
    )
    utm_source: Text | None = optional(
        "UTM Source", "Where the contact came from.", advanced=True, source=CONTACT_DOCS
    )
    utm_medium: Text | None = optional(
        "UTM Medium", "The kind of traffic it came by.", advanced=True, source=CONTACT_DOCS
    )
    utm_campaign: Text | None = optional(
        "UTM Campaign", "The campaign it came by.", advanced=True, source=CONTACT_DOCS
    )
    utm_content: Text | None = optional(
        "UTM Content", "The ad or link it came by.", advanced=True, source=CONTACT_DOCS
    )
    utm_term: Text | None = optional(
        "UTM Term", "The search term it came by.", advanced=True, source=CONTACT_DOCS
    )
    referring_url: Text | None = optional(
        "Referring URL", "The page that led to the site.", advanced=True, source=CONTACT_DOCS
    )
    optin_url: Text | None = optional(
        "Opt-in URL", "The page of the opt-in.", advanced=True, source=CONTACT_DOCS
    )
    ip_address: Text | None = optional(
        "IP Address", "The contact's IP address.", advanced=True, source=CONTACT_DOCS
    )
    affiliate_id: Id | None = optional(
        "Affiliate ID", "The affiliate who sent the contact.", advanced=True, source=CONTACT_DOCS
    )
    geo_lat: Latitude | None = optional(
        "Latitude", "Degrees north.", advanced=True, source=CONTACT_DOCS
    )
    geo_lon: Longitude | None = optional(
        "Longitude", "Degrees east.", advanced=True, source=CONTACT_DOCS
    )


class DeleteContact(Module):
    """Deletes a contact.

    By email, every contact of the integration with that address goes. The contact's orders and
    subscriptions stay.
    """

    label = "Delete a Contact"
    group = "Contacts and Tags"
    endpoint = "DELETE contact/{contact}"
    keyed_by = ("contact",)
    example = filled(contact="joey@bloggs.com")

    contact: Id = required("Contact ID or Email", "The Contact ID or email address to delete.")

    def keys(self) -> tuple[str, ...]:
        """Answers both readings of the text, since an address may serve as an ID."""
        return (f"contact_id:{self.contact}", f"email:{self.contact.lower()}")


class AddTagToContact(Module):
    """Adds tags to a contact, and keeps the ones it has."""

    label = "Add Tag to Contact"
    group = "Contacts and Tags"
    endpoint = "POST tags/add"
    one_of = (("email", "contact_id"),)
    example = filled(update_by="email", email="joey@bloggs.com", tags=["Platinum"])

    update_by: UpdateBy | None = optional(
        "Update by Email or Contact ID",
        "How the contact is found; left out, by whichever of the two is given.",
        wire=None,
    )
    email: Email | None = optional("Email Address", "Email address of the contact to tag.")
    contact_id: Id | None = optional("Contact ID", "Contact ID of the contact to tag.")
    tags: Tags = required("Tags", "Tag names or Tag IDs to add.", flag="tag")

    def check(self) -> list[str]:
        """Refuses a choice whose own field is empty."""
        chosen = self.update_by
        if chosen is None or getattr(self, chosen.value) is not None:
            return []
        return [f"{self.facts()[chosen.value].label}: missing, and the contact is looked for by it"]

    def on_the_wire(self) -> dict[str, object]:
        """Leaves out the field that was not chosen, which the account would look at, too."""
        body = super().on_the_wire()
        if self.update_by is not None:
            other = {"email": "contact_id", "contact_id": "email"}[self.update_by.value]
            body.pop(other, None)
        return body


class DeleteTag(Module):
    """Removes tags from a contact."""

    label = "Delete a Tag"
    group = "Contacts and Tags"
    endpoint = "POST tags/remove"
    one_of = (("contact_id", "email"),)
    example = filled(email="joey@bloggs.com", tags=["Webinar"])

    contact_id: Id | None = optional("Contact ID", "Contact ID of the contact.")
    email: Email | None = optional("Email", "Email address of the contact.")
    tags: Tags = required("Tags", "Tag names or Tag IDs to remove.", flag="tag")
