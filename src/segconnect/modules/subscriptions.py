"""Subscriptions. They never create orders: renewals are sent as orders."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from segconnect.modules.base import Module, Option, optional, required
from segconnect.types import Cents, Email, Id, Moment

DOCS = "rest/_subscriptions.md"
Count = Annotated[int, Field(ge=1, le=10_000)]


class BillingCycle(Option):
    """The unit of time between bills."""

    YEAR = "year", "Year"
    MONTH = "month", "Month"
    WEEK = "week", "Week"
    DAY = "day", "Day"


class AddUpdateSubscription(Module):
    """Adds a subscription to a contact, or updates the one with the same Subscription ID.

    With an email, the contact may come later. With a Contact ID, it must exist already.
    """

    label = "Add/Update a Subscription"
    group = "Subscriptions"
    endpoint = "POST subscription"
    one_of = (("email", "contact_id"),)
    keyed_by = ("email", "contact_id", "subscription_id")

    email: Email | None = optional("Email Address", "Email address of the subscriber.")
    contact_id: Id | None = optional("Contact ID", "Contact ID of the subscriber.")
    subscription_id: Id = required(
        "Subscription ID", "The subscription's ID; the same ID updates it.", wire="id"
    )
    amount: Cents = required("Amount", "What is billed each time, in cents.")
    product_id: Id = required("Product ID", "The product subscribed to.")
    start_date: Moment = required("Start Date", "When the subscription began.")
    last_bill_date: Moment = required("Last Bill Date", "When it was billed last.")
    billing_cycle: BillingCycle = required("Billing Cycle", "The unit of time between bills.")
    frequency: Count = required(
        "Frequency", "How many billing cycles lie between bills: month and 3 is quarterly."
    )
    quantity: Count | None = optional("Quantity", "How many are subscribed to; 1 if left out.")
    trial_end_date: Moment | None = optional("Trial End Date", "When the trial ends.")
    end_date: Moment | None = optional("End Date", "When it will end by itself.")
    canceled_date: Moment | None = optional("Canceled Date", "When it was canceled.")
    name: str | None = optional(
        "Product Name", "The product's name, if it is new.", advanced=True, source=DOCS
    )


class DeleteSubscription(Module):
    """Deletes a subscription."""

    label = "Delete a Subscription"
    group = "Subscriptions"
    endpoint = "DELETE subscription/{subscription_id}"
    keyed_by = ("subscription_id",)

    subscription_id: Id = required("Subscription ID", "The Subscription ID to delete.")
