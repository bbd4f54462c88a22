"""Orders, and the products that they sell."""

from __future__ import annotations

from typing import Annotated

from segconnect.modules.base import Collection, Module, filled, optional, required
from segconnect.modules.values import AS_LIST, Text
from segconnect.types import Cents, Email, Id, Moment

DOCS = "rest/_orders.md"


class LineItem(Collection):
    """One line of an order. A product that is not known yet is created."""

    name: Text | None = optional("Product Name", "The product's name.")
    product_id: Id = required("Product ID", "The product's ID.")
    amount: Cents = required("Amount", "The product's price in cents.")
    id: Id | None = optional(
        "Item ID",
        "Default: the order's ID, a hyphen, the item's number.",
        advanced=True,
        source=DOCS,
    )
    total_paid: Cents | None = optional(
        "Total Paid", "What was paid for this line, in cents.", advanced=True, source=DOCS
    )
    subscription_id: Id | None = optional(
        "Subscription ID", "The subscription that this line renews.", advanced=True, source=DOCS
    )


class AddUpdateOrder(Module):
    """Adds an order to the integration, or updates the one with the same Invoice ID.

    With an email, the contact may come later: the order waits for it. With a Contact ID, the
    contact must exist already.
    """

    label = "Add/Update an Order"
    group = "Orders"
    endpoint = "POST invoice"
    one_of = (("email", "contact_id"),)
    keyed_by = ("email", "contact_id", "invoice_id")
    example = filled(
        email="joey@bloggs.com",
        invoice_id="1042",
        paid=1250,
        amount=1250,
        date_created="2026-03-02 14:05:00",
        items=[{"name": "Green Tea", "product_id": "P1", "amount": 1250}],
        is_refunded=False,
    )

    email: Email | None = optional("Email Address", "Email address of the contact who ordered.")
    invoice_id: Id = required("Invoice ID", "The order's ID; the same ID updates it.", wire="id")
    paid: Cents = required("Paid", "What was paid towards the order, in cents.")
    amount: Cents = required("Amount", "The order's total, in cents.")
    date_created: Moment = required("Created Date", "The date of the invoice.")
    items: Annotated[list[LineItem], AS_LIST] = required(
        "Items", "The order's lines, each with Product Name, Product ID and Amount.", flag="item"
    )
    is_refunded: bool | None = optional("Refunded", "Whether the invoice is refunded.")
    contact_id: Id | None = optional(
        "Contact ID", "The contact who ordered; it must exist.", advanced=True, source=DOCS
    )
    discount: Cents | None = optional(
        "Discount", "The discount in cents.", advanced=True, source=DOCS
    )
    tax: Cents | None = optional("Tax", "The tax in cents.", advanced=True, source=DOCS)
    shipping: Cents | None = optional(
        "Shipping", "The shipping costs in cents.", advanced=True, source=DOCS
    )


class DeleteOrder(Module):
    """Deletes an order."""

    label = "Delete an Order"
    group = "Orders"
    endpoint = "DELETE invoice/{invoice_id}"
    keyed_by = ("invoice_id",)
    example = filled(invoice_id="1042")

    invoice_id: Id = required("Invoice ID", "The Invoice ID to delete.")


class AddUpdateProduct(Module):
    """Adds a product, or renames the one with the same ID."""

    label = "Add/Update a Product"
    group = "Orders"
    endpoint = "POST product"
    keyed_by = ("product_id",)
    advanced = True
    example = filled(product_id="P1", name="Green Tea, 100 g")

    product_id: Id = required(
        "Product ID", "The product's ID.", wire="id", source="rest/_products.md"
    )
    name: Text = required("Product Name", "The product's name.", source="rest/_products.md")
