"""The calls of the import API, in the order of its reference."""

from __future__ import annotations

from segconnect.wire.ad import PerformanceShape
from segconnect.wire.contact import ContactShape, TagsShape
from segconnect.wire.order import OrderShape, ProductShape, SubscriptionShape
from segconnect.wire.shape import Endpoint
from segconnect.wire.tracking import IdentifyShape, PageViewShape

ENDPOINTS = {
    f"{e.method} {e.path}": e
    for e in (
        Endpoint("POST", "contact", "contact", ContactShape, "Add or update a contact"),
        Endpoint("DELETE", "contact/{id}", "contact", None, "Delete a contact, or all of an email"),
        Endpoint("POST", "tags/add", "contact", TagsShape, "Add tags to a contact"),
        Endpoint("POST", "tags/remove", "contact", TagsShape, "Remove tags from a contact"),
        Endpoint("POST", "invoice", "invoice", OrderShape, "Add or update an order"),
        Endpoint("DELETE", "invoice/{id}", "invoice", None, "Delete an order"),
        Endpoint("POST", "subscription", "subscription", SubscriptionShape,
                 "Add or update a subscription"),
        Endpoint("DELETE", "subscription/{id}", "subscription", None, "Delete a subscription"),
        Endpoint("POST", "product", "product", ProductShape, "Add or rename a product"),
        Endpoint("POST", "ad/performance", "ad_performance", PerformanceShape,
                 "Record what an ad did on one day"),
        Endpoint("POST", "page_view", "page_view", PageViewShape, "Record a page view"),
        Endpoint("POST", "identify", "identify", IdentifyShape, "Say who a visitor is"),
    )
}  # fmt: skip

MAX_BODY = 1_000_000  # bytes of one call
MAX_BATCH_BODY = 16_000_000  # bytes of one batch
MAX_BATCH_LINES = 5_000
BATCH_HEADER = "segconnect-batch"
"""Sent with every answer of an account that offers the batch call: its most lines.

`; after` behind them says that lines may have the member `after`.
"""
