"""Subscriptions. They never create orders: renewals are sent as orders."""

from __future__ import annotations

from segconnect.modules.base import Module, Option, filled, optional, required
from segconnect.modules.values import Count, Quantity, Text
from segconnect.types import Cents, Email, Id, Moment

DOCS = "rest/_subscriptions.md"


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
    example = filled(
        email="joey@bloggs.com",
        subscription_id="S7",
        amount=2900,
        product_id="P2",
        start_date="2026-01-15 08:00:00",
        last_bill_date="2026-04-15 08:00:00",
        billing_cycle="month",
        frequency=3,
        quantity=1,
    )

    email: Email | None = optional("Email Address", "Email address of the subscriber.")
    contact_id: Id | None = optional("Contact ID", "Contact ID of the subscriber.")
    subscription_id: Id = required(
        "Subscription ID", "The subscription's ID; the same ID updates it.", wire="id"
    )
    amount: Cents = required("Amount", "The total amount in cents, each time it is billed.")
    product_id: Id = required("Product ID", "The product subscribed to.")
    start_date: Moment = required("Start Date", "When the subscription began.")
    last_bill_date: Moment = required("Last Bill Date", "When it was billed last.")
    billing_cycle: BillingCycle = required(
        "Billing Cycle", "The unit of time between bills.", mappable=False
    )
    frequency: Count = required(
        "Frequency", "How many billing cycles lie between bills: month and 3 is quarterly."
    )
    quantity: Quantity | None = optional("Quantity", "How many are subscribed to; 1 if left out.")
    trial_end_date: Moment | None = optional("Trial End Date", "When the trial ends.")
    end_date: Moment | None = optional("End Date", "When it will end by itself.")
    canceled_date: Moment | None = optional("Canceled Date", "When it was canceled.")
    name: Text | None = optional(
        "Product Name", "The product's name, if it is new.", advanced=True, source=DOCS
    )


class DeleteSubscription(Module):
    """Deletes a subscription."""

    label = "Delete a Subscription"
    group = "Subscriptions"
    endpoint = "DELETE subscription/{subscription_id}"
    keyed_by = ("subscription_id",)
    example = filled(subscription_id="S7")

    subscription_id: Id = required("Subscription ID", "The Subscription ID to delete.")
