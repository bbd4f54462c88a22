"""Each module beside the request that the API docs ask for, written by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from segconnect.errors import ConnectionSetupError, InvalidBundleError
from segconnect.modules import (
    MODULES,
    AddTagToContact,
    AddUpdateContact,
    AddUpdateOrder,
    AddUpdateProduct,
    AddUpdateSubscription,
    DeleteContact,
    DeleteOrder,
    DeleteSubscription,
    DeleteTag,
    IdentifyVisitor,
    MakeApiCall,
    Module,
    RecordAdPerformance,
    RecordPageView,
)
from segconnect.wire.request import Address

ADDRESS = Address("a7f", "i9")
ROOT = "/v1/a7f/i9"


def sent(module: Module) -> tuple[str, str, Any]:
    """Answers method, path and body of the one request of a module."""
    (request,) = module.requests(ADDRESS)
    return request.method, request.path, request.body


DOCUMENTED: list[tuple[Module, tuple[str, str, Any]]] = [
    (
        AddUpdateContact(
            email="Joey@Bloggs.com",
            date_created="2026-03-01 09:30:00",
            first_name="Joey",
            last_name="Bloggs",
            status="Active",
            tags=["New Lead", 17, {"id": 3, "name": "Webinar", "date": "2026-02-28"}],
            custom_fields={"company": "Acme", "seats": 4, "vip": True, "fax": None},
            contact_id=42,
            last_updated="2026-03-02",
            utm_source="google",
            utm_medium="cpc",
            utm_campaign="spring",
            utm_content="video",
            utm_term="green tea",
            referring_url="https://example.com/",
            optin_url="https://bloggs.com/tea",
            ip_address="203.0.113.7",
            affiliate_id=9,
            geo_lat=59.91,
            geo_lon=10.75,
        ),
        (
            "POST",
            f"{ROOT}/contact",
            {
                "email": "joey@bloggs.com",
                "date_created": "2026-03-01 09:30:00",
                "first_name": "Joey",
                "last_name": "Bloggs",
                "status": "active",
                "tags": [
                    "New Lead",
                    "17",
                    {"id": "3", "name": "Webinar", "date": "2026-02-28 00:00:00"},
                ],
                "custom_fields": {"company": "Acme", "seats": 4, "vip": True, "fax": None},
                "contact_id": "42",
                "last_updated": "2026-03-02 00:00:00",
                "utm_source": "google",
                "utm_medium": "cpc",
                "utm_campaign": "spring",
                "utm_content": "video",
                "utm_term": "green tea",
                "referring_url": "https://example.com/",
                "optin_url": "https://bloggs.com/tea",
                "ip_address": "203.0.113.7",
                "affiliate_id": "9",
                "geo_lat": 59.91,
                "geo_lon": 10.75,
            },
        ),
    ),
    (
        DeleteContact(contact="joey+tea@bloggs.com"),
        ("DELETE", f"{ROOT}/contact/joey%2Btea%40bloggs.com", None),
    ),
    (
        AddTagToContact(update_by="By Contact ID", contact_id=42, email="a@b.c", tags=["Platinum"]),
        ("POST", f"{ROOT}/tags/add", {"contact_id": "42", "tags": ["Platinum"]}),
    ),
    (
        AddTagToContact(email="joey@bloggs.com", tags="Platinum"),
        ("POST", f"{ROOT}/tags/add", {"email": "joey@bloggs.com", "tags": ["Platinum"]}),
    ),
    (
        DeleteTag(contact_id="42", tags=[17]),
        ("POST", f"{ROOT}/tags/remove", {"contact_id": "42", "tags": ["17"]}),
    ),
    (
        AddUpdateOrder(
            email="joey@bloggs.com",
            invoice_id=1042,
            paid="1250",
            amount=1500,
            date_created=datetime(2026, 3, 2, 15, 5, tzinfo=timezone(timedelta(hours=1))),
            items=[
                {"name": "Green Tea", "product_id": "P1", "amount": 1250},
                {
                    "id": "1042-b",
                    "product_id": 2,
                    "amount": 250,
                    "total_paid": 0,
                    "subscription_id": "S7",
                },
            ],
            is_refunded="no",
            contact_id=42,
            discount=100,
            tax=200,
            shipping=0,
        ),
        (
            "POST",
            f"{ROOT}/invoice",
            {
                "email": "joey@bloggs.com",
                "id": "1042",
                "paid": 1250,
                "amount": 1500,
                "date_created": "2026-03-02 14:05:00",
                "items": [
                    {"name": "Green Tea", "product_id": "P1", "amount": 1250},
                    {
                        "id": "1042-b",
                        "product_id": "2",
                        "amount": 250,
                        "total_paid": 0,
                        "subscription_id": "S7",
                    },
                ],
                "is_refunded": 0,
                "contact_id": "42",
                "discount": 100,
                "tax": 200,
                "shipping": 0,
            },
        ),
    ),
    (DeleteOrder(invoice_id="10/42"), ("DELETE", f"{ROOT}/invoice/10%2F42", None)),
    (
        AddUpdateProduct(product_id="P1", name="Green Tea"),
        ("POST", f"{ROOT}/product", {"id": "P1", "name": "Green Tea"}),
    ),
    (
        AddUpdateSubscription(
            email="joey@bloggs.com",
            contact_id="42",
            subscription_id="S7",
            amount=2900,
            product_id="P2",
            start_date=date(2026, 1, 15),
            last_bill_date="15.4.2026",
            billing_cycle="Month",
            frequency="3",
            quantity=2,
            trial_end_date="01/29/2026",
            end_date="2027-01-15T00:00:00Z",
            canceled_date=None,
            name="Tea Club",
        ),
        (
            "POST",
            f"{ROOT}/subscription",
            {
                "email": "joey@bloggs.com",
                "contact_id": "42",
                "id": "S7",
                "amount": 2900,
                "product_id": "P2",
                "start_date": "2026-01-15 00:00:00",
                "last_bill_date": "2026-04-15 00:00:00",
                "billing_cycle": "month",
                "frequency": 3,
                "quantity": 2,
                "trial_end_date": "2026-01-29 00:00:00",
                "end_date": "2027-01-15 00:00:00",
                "canceled_date": None,
                "name": "Tea Club",
            },
        ),
    ),
    (DeleteSubscription(subscription_id=7), ("DELETE", f"{ROOT}/subscription/7", None)),
    (
        RecordAdPerformance(
            ad={"id": 1, "name": "Video"},
            adcampaign={"id": "C1", "name": "Spring"},
            adset={"id": "G1", "name": "Tea lovers"},
            spend=1999,
            date="2026-03-02",
            impressions=1500,
            clicks=42,
        ),
        (
            "POST",
            f"{ROOT}/ad/performance",
            {
                "ad": {"id": "1", "name": "Video"},
                "adcampaign": {"id": "C1", "name": "Spring"},
                "adset": {"id": "G1", "name": "Tea lovers"},
                "spend": 1999,
                "date": "2026-03-02",
                "impressions": 1500,
                "clicks": 42,
            },
        ),
    ),
    (
        MakeApiCall(
            url="/v1/{{connection.accountId}}/{{connection.integrationId}}/contact",
            method="POST",
            body={"email": "joey@bloggs.com"},
        ),
        ("POST", f"{ROOT}/contact", {"email": "joey@bloggs.com"}),
    ),
    (
        RecordPageView(
            uid="v5k2",
            url="https://tea.example/green",
            date_created="2026-02-01 09:30:00 GMT+01:00",
            referrer="google.com",
            country_code="no",
            latitude=59.9,
        ),
        (
            "POST",
            f"{ROOT}/page_view",
            {
                "uid": "v5k2",
                "url": "https://tea.example/green",
                "date_created": "2026-02-01 08:30:00",
                "referrer": "google.com",
                "country_code": "NO",
                "latitude": 59.9,
            },
        ),
    ),
    (
        IdentifyVisitor(uid="v5k2", email="Joey@Bloggs.com"),
        ("POST", f"{ROOT}/identify", {"uid": "v5k2", "email": "joey@bloggs.com"}),
    ),
]


@pytest.mark.parametrize(
    ("module", "documented"), DOCUMENTED, ids=[module.slug() for module, _ in DOCUMENTED]
)
def test_a_module_sends_what_the_api_docs_ask_for(
    module: Module, documented: tuple[str, str, Any]
) -> None:
    assert sent(module) == documented


def test_every_module_is_held_beside_the_docs() -> None:
    assert {type(module) for module, _ in DOCUMENTED} == set(MODULES)


def test_a_request_within_the_integration_names_its_call_for_batches() -> None:
    (order,) = AddUpdateOrder(**MODULES["add-update-order"].example).requests(ADDRESS)
    (deletion,) = DeleteOrder(invoice_id="10/42").requests(ADDRESS)

    assert (order.endpoint, order.idempotent) == ("POST invoice", True)
    assert deletion.endpoint == "DELETE invoice/10%2F42"


def test_requests_about_one_contact_or_object_share_a_key() -> None:
    order = AddUpdateOrder(**MODULES["add-update-order"].example)

    assert order.keys() == ("email:joey@bloggs.com", "invoice_id:1042")
    assert set(order.keys()) & set(AddUpdateContact(email="joey@bloggs.com").keys())
    assert set(order.keys()) & set(DeleteContact(contact="joey@bloggs.com").keys())
    assert set(order.keys()) & set(DeleteOrder(invoice_id=1042).keys())


def test_the_ids_of_the_connection_are_one_step_of_the_path_each() -> None:
    (request,) = DeleteOrder(invoice_id="1").requests(Address("a/b", "c?d"))

    assert request.path == "/v1/a%2Fb/c%3Fd/invoice/1"


@pytest.mark.parametrize("step", [".", ".."])
def test_an_id_that_a_url_reads_as_a_step_is_refused(step: str) -> None:
    with pytest.raises(InvalidBundleError) as told:
        DeleteOrder(invoice_id=step)

    assert told.value.problems == [f"Invoice ID: {step!r} cannot be part of a URL"]
    with pytest.raises(ConnectionSetupError, match="is not an integration ID"):
        DeleteOrder(invoice_id="1").requests(Address("a7f", step))


def test_a_moment_goes_out_in_utc_whatever_its_zone() -> None:
    moment = datetime(2026, 3, 2, 0, 30, tzinfo=timezone(timedelta(hours=2)))

    assert sent(AddUpdateContact(email="a@b.c", date_created=moment))[2] == {
        "email": "a@b.c",
        "date_created": "2026-03-01 22:30:00",
    }
    assert AddUpdateContact(email="a@b.c", date_created=moment).date_created == datetime(
        2026, 3, 1, 22, 30, tzinfo=UTC
    )
