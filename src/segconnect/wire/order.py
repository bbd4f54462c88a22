"""Orders (`invoice` on the import side), subscriptions and products on the wire."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, ValidationInfo, field_validator

from segconnect.types import Cents, Id, Moment
from segconnect.wire.contact import Whose
from segconnect.wire.shape import Blank, Shape, Text, is_name, lower, missing


class ItemShape(Shape):
    """A line item; `id` defaults to the order's id, a hyphen and the item's number."""

    id: Annotated[Id | None, Blank] = None
    name: Text | None = None
    product_id: Annotated[Id | None, Blank] = Field(None, validate_default=True)
    amount: Cents
    total_paid: Annotated[Cents | None, Blank] = None
    subscription_id: Annotated[Id | None, Blank] = None

    @field_validator("product_id")
    @classmethod
    def has_a_product(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Asks for a product: its id, or a name that can stand for one."""
        name = (info.data.get("name") or "").strip()
        if value is None and not is_name(name):
            raise missing("; the name is not fit to stand for it" if name else "")
        return value

    def given(self) -> dict[str, Any]:
        """Answers what was given, and always a product_id."""
        return {**super().given(), "product_id": self.product_id or str(self.name).strip()}


class OrderShape(Whose):
    """POST /invoice. `amount`, `paid` and all others that are money: whole cents."""

    id: Id
    amount: Cents
    paid: Cents
    date_created: Moment
    items: list[ItemShape] = Field(max_length=1000)
    is_refunded: Annotated[bool | None, Blank] = None
    discount: Annotated[Cents | None, Blank] = None
    tax: Annotated[Cents | None, Blank] = None
    shipping: Annotated[Cents | None, Blank] = None


class Cycle(StrEnum):
    """The unit of time between bills."""

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"


class SubscriptionShape(Whose):
    """POST /subscription. It never creates an order by itself."""

    id: Id
    amount: Cents
    product_id: Id
    start_date: Moment
    last_bill_date: Moment
    billing_cycle: Annotated[Cycle, BeforeValidator(lower)]
    frequency: int = Field(ge=1, le=10_000)
    name: Text | None = Field(None, validation_alias=AliasChoices("name", "product_name"))
    quantity: Annotated[int | None, Blank] = Field(None, ge=1, le=1_000_000)
    trial_end_date: Annotated[Moment | None, Blank] = Field(
        None, validation_alias=AliasChoices("trial_end_date", "trial_end")
    )
    end_date: Annotated[Moment | None, Blank] = None
    canceled_date: Annotated[Moment | None, Blank] = Field(
        None, validation_alias=AliasChoices("canceled_date", "cancellation_date")
    )


class ProductShape(Shape):
    """POST /product; the same id again renames it."""

    id: Id
    name: Text
