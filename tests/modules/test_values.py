"""What fields take, what they refuse, and how a refusal reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from segconnect.errors import InvalidBundleError
from segconnect.modules import (
    MODULES,
    AddTagToContact,
    AddUpdateContact,
    AddUpdateOrder,
    AddUpdateSubscription,
    Module,
    RecordAdPerformance,
)
from segconnect.modules.schema import form
from segconnect.types import DATE_FORMATS, default_zone
from segconnect.wire.request import Address

EACH_MODULE = pytest.mark.parametrize("module", list(MODULES), ids=lambda module: module.slug())


def problems(module: type[Module], **values: Any) -> list[str]:
    """Answers what a module says of values that it refuses."""
    with pytest.raises(InvalidBundleError) as refused:
        module(**values)
    return refused.value.problems


def body(module: Module) -> Any:
    """Answers the body of a module's one request."""
    (request,) = module.requests(Address("a7f", "i9"))
    return request.body


def ordered(**values: Any) -> AddUpdateOrder:
    """Answers the example order with other values."""
    return AddUpdateOrder(**{**AddUpdateOrder.example, **values})


@pytest.fixture
def in_oslo() -> Iterator[None]:
    """Sets the zone of moments that are given without one."""
    token = default_zone.set(ZoneInfo("Europe/Oslo"))
    yield
    default_zone.reset(token)


# -- unset, empty and null -----------------------------------------------------------------------


def test_what_nobody_gave_is_not_sent_and_empty_text_and_null_are() -> None:
    assert body(AddUpdateContact(email="a@b.c")) == {"email": "a@b.c"}
    assert body(AddUpdateContact(email="a@b.c", first_name="")) == {
        "email": "a@b.c",
        "first_name": "",
    }
    assert body(AddUpdateContact(email="a@b.c", first_name=None)) == {
        "email": "a@b.c",
        "first_name": None,
    }


def test_null_within_custom_fields_is_sent_since_it_removes_the_key() -> None:
    sent = body(AddUpdateContact(email="a@b.c", custom_fields={"company": None, "city": ""}))

    assert sent["custom_fields"] == {"company": None, "city": ""}


def test_null_within_an_item_is_sent_and_what_was_left_out_is_not() -> None:
    sent = body(ordered(items=[{"product_id": "P1", "amount": 1, "name": None}]))

    assert sent["items"] == [{"product_id": "P1", "amount": 1, "name": None}]


@pytest.mark.parametrize("blank", ["", "Empty", "empty"])
def test_the_empty_choice_of_a_select_is_as_if_nobody_had_chosen(blank: str) -> None:
    assert body(AddUpdateContact(email="a@b.c", status=blank)) == {"email": "a@b.c"}


@EACH_MODULE
def test_null_in_any_optional_field_is_either_sent_as_null_or_asks_for_its_group(
    module: type[Module],
) -> None:
    for field in form(module):
        wire = module.facts()[field.name].wire
        if field.required or wire is None or not module.endpoint:
            continue
        values = {**module.example, field.name: None}
        grouped = any(field.name in group for group in module.one_of)
        if grouped and all(values.get(name) is None for group in module.one_of for name in group):
            assert any("missing: give" in problem for problem in problems(module, **values))
        elif not grouped:
            assert module(**values).on_the_wire()[wire] is None


# -- all problems at once ------------------------------------------------------------------------


def test_all_problems_of_a_bundle_are_told_at_once_each_by_its_label() -> None:
    told = problems(
        AddUpdateOrder,
        paid="12.5",
        amount="$10",
        date_created="20/06/2016",
        items=[{"product_id": "P1", "amount": 500}, {"amount": None, "colour": "green"}, 3],
        is_refunded="perhaps",
        nvoice_id=7,
    )

    assert told == [
        "missing: give Email Address or Contact ID",
        "Invoice ID: missing",
        "Paid: '12.5' is not in whole cents; if it is in units of the currency, send 1250",
        "Amount: '$10' is not in whole cents; if it is in units of the currency, send 1000",
        "Created Date: '20/06/2016' is not a date: month must be in 1..12; slashes are read month"
        " first (06/20/2016): parse it with the format that it has, such as"
        ' parseDate(date; "DD/MM/YYYY")',
        "Items 2 Product ID: missing",
        "Items 2 Amount: null is not an amount; expected whole cents, such as 1250 for 12.50",
        "Items 2 unknown field 'colour'; known are amount, id, name, product_id, subscription_id,"
        " total_paid",
        "Items 3: 3 is not a collection",
        "Refunded: 'perhaps' is neither true nor false",
        "unknown field 'nvoice_id'; did you mean 'invoice_id'?",
    ]


@EACH_MODULE
def test_every_mandatory_field_that_is_missing_is_told_by_its_label(module: type[Module]) -> None:
    told = problems(module)

    wanted = [f"{field.label}: missing" for field in form(module) if field.required]
    wanted += [
        f"missing: give {' or '.join(module.facts()[name].label for name in group)}"
        for group in module.one_of
    ]
    assert sorted(told) == sorted(wanted)


def test_a_problem_with_one_custom_field_names_its_key_once() -> None:
    told = problems(
        AddUpdateContact, email="a@b.c", custom_fields={"sizes": [1], "odds": float("nan"), " ": 1}
    )

    assert told == [
        "Custom Fields sizes: an array is not a text, number, truth or null",
        "Custom Fields odds: nan is not a text, number, truth or null",
        "Custom Fields  : the key is empty; name it",
    ]


def test_an_empty_text_where_an_id_or_address_is_wanted_is_told() -> None:
    assert problems(AddUpdateContact, email="", contact_id=" ") == [
        "Contact Email Address: is empty; expected an e-mail address",
        "Contact ID: is empty; expected an ID",
    ]


def test_the_chosen_way_to_find_a_contact_must_be_given() -> None:
    assert problems(AddTagToContact, update_by="By Email", contact_id=42, tags=["A"]) == [
        "Email Address: missing, and the contact is looked for by it"
    ]


def test_a_tag_that_names_nothing_is_told() -> None:
    assert problems(AddTagToContact, email="a@b.c", tags=[{"date": "2026-01-01"}, None]) == [
        "Tags 1: missing: give Tag ID or Tag Name",
        "Tags 2: null is not an ID; expected a text or a whole number",
    ]


def test_a_tag_may_be_named_with_a_family_of_emoji() -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}"  # the joiner cannot be printed alone

    assert body(AddTagToContact(email="a@b.c", tags=[family]))["tags"] == [family]


def test_a_choice_that_is_not_offered_is_told_with_those_that_are() -> None:
    told = problems(
        AddUpdateSubscription, **{**AddUpdateSubscription.example, "billing_cycle": "fortnight"}
    )

    assert told == ["Billing Cycle: 'fortnight' is not one of 'year', 'month', 'week' or 'day'"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (0, "0 is less than 1"),
        (10_001, "10001 is more than 10000"),
        (1.5, "1.5 is not a whole number"),
        ("three", "'three' is not a whole number"),
        (True, "true is not a number"),
    ],
)
def test_a_count_is_a_whole_number_within_its_bounds(value: Any, problem: str) -> None:
    values = {**AddUpdateSubscription.example, "frequency": value}

    assert problems(AddUpdateSubscription, **values) == [f"Frequency: {problem}"]


@pytest.mark.parametrize("value", [3, "3", 3.0, Decimal(3)])
def test_a_count_is_read_however_the_number_is_written(value: Any) -> None:
    sent = AddUpdateSubscription(**{**AddUpdateSubscription.example, "frequency": value})

    assert sent.frequency == 3


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udfff"])
def test_a_text_that_cannot_be_sent_or_kept_is_told(text: str) -> None:
    (told,) = problems(AddUpdateContact, email="a@b.c", first_name=text)

    assert told.startswith("First Name: holds ")
    assert problems(AddUpdateContact, email="a@b.c", custom_fields={"a": text, text: 1})


def test_a_number_of_thousands_of_digits_is_told_and_not_a_crash() -> None:
    assert problems(AddUpdateContact, email="a@b.c", first_name=10**5000) == [
        "First Name: a number of more than 60 digits is not a text"
    ]
    assert problems(AddUpdateContact, email="a@b.c", custom_fields={"n": 2**60}) == [
        "Custom Fields n: is a number too long to be kept exactly; send it as a text"
    ]


def test_a_bundle_may_have_a_column_named_as_the_constructors_own_argument() -> None:
    told = problems(AddUpdateContact, email="a@b.c", self=1)

    assert len(told) == 1
    assert told[0].startswith("unknown field 'self'")


def test_one_value_where_many_can_be_given_is_a_list_of_one() -> None:
    item = {"product_id": "P1", "amount": 1250}

    assert body(AddUpdateContact(email="a@b.c", tags="New Lead"))["tags"] == ["New Lead"]
    assert body(ordered(items=item))["items"] == [item]


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, 1), ("yes", 1), ("TRUE", 1), ("1", 1), (1, 1), (False, 0), ("No", 0), ("off", 0)],
)
def test_a_flag_of_the_api_is_zero_or_one_however_it_is_written(value: Any, flag: int) -> None:
    assert body(ordered(is_refunded=value))["is_refunded"] == flag


def test_plain_values_of_custom_fields_keep_their_kind() -> None:
    given = {"text": "1", "number": 1, "share": 0.5, "exact": Decimal("2.50"), "truth": True}
    dated = {
        "day": date(2026, 3, 1),
        "moment": datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=1))),
    }
    sent = body(AddUpdateContact(email="a@b.c", custom_fields={**given, **dated}))

    assert sent["custom_fields"] == {
        "text": "1",
        "number": 1,
        "share": 0.5,
        "exact": 2.5,
        "truth": True,
        "day": "2026-03-01",
        "moment": "2026-03-01 08:00:00",
    }


@pytest.mark.parametrize("value", [Decimal(10) ** 28, Decimal("1e39"), 2.0**60])
def test_a_number_that_is_too_long_for_an_id_is_refused_with_the_fix_named(value: Any) -> None:
    (problem,) = problems(AddUpdateOrder, **{**AddUpdateOrder.example, "invoice_id": value})
    assert problem.endswith("is not an ID; long numbers must be kept as text")


# -- money ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "fix"),
    [
        ("12.5", "'12.5' is not in whole cents; if it is in units of the currency, send 1250"),
        ("$10", "'$10' is not in whole cents; if it is in units of the currency, send 1000"),
        (12.5, "12.5 is not in whole cents; if it is in units of the currency, send 1250"),
        (Decimal("0.99"), "0.99 is not in whole cents; if it is in units of the currency, send 99"),
        ("10.005", "'10.005' is not in whole cents; round it to cents before it is sent"),
        ("1,250", "'1,250' is not an amount; expected whole cents, such as 1250 for 12.50"),
        ("ten", "'ten' is not an amount; expected whole cents, such as 1250 for 12.50"),
        (True, "true is not an amount; expected whole cents, such as 1250"),
        (2**53, "9007199254740992 is more than can be kept exactly (9007199254740991 cents)"),
    ],
)
def test_money_that_is_not_whole_cents_is_refused_with_the_fix_named(value: Any, fix: str) -> None:
    assert problems(AddUpdateOrder, **{**AddUpdateOrder.example, "paid": value}) == [f"Paid: {fix}"]


@pytest.mark.parametrize("value", [1250, "1250", " 1250 ", "+1250", 1250.0, Decimal("1250.00")])
def test_whole_cents_are_read_however_they_are_written(value: Any) -> None:
    assert ordered(paid=value).paid == 1250


# -- dates ---------------------------------------------------------------------------------------

AS_UTC = {
    "2016-06-20T17:26:44.356Z": "2016-06-20 17:26:44",
    "2016-06-20 19:26:44 GMT+02:00": "2016-06-20 17:26:44",
    "2016-06-20 19:26+0200": "2016-06-20 17:26:00",
    "2016-06-20 17:26:44": "2016-06-20 15:26:44",
    "2016-06-20": "2016-06-19 22:00:00",
    "2016/06/20 17:26:44": "2016-06-20 15:26:44",
    "2016/06/20 19:26:44+02:00": "2016-06-20 17:26:44",
    "2016/06/20 17:26": "2016-06-20 15:26:00",
    "2016/06/20 5:26 PM": "2016-06-20 15:26:00",
    "2016/06/20": "2016-06-19 22:00:00",
    "06/20/2016 17:26:44": "2016-06-20 15:26:44",
    "06/20/2016 19:26:44+02:00": "2016-06-20 17:26:44",
    "06/20/2016 17:26": "2016-06-20 15:26:00",
    "06/20/2016 5:26 PM": "2016-06-20 15:26:00",
    "06/20/2016": "2016-06-19 22:00:00",
    "20.6.2016 17:26:44": "2016-06-20 15:26:44",
    "20.6.2016 19:26:44+02:00": "2016-06-20 17:26:44",
    "20.6.2016": "2016-06-19 22:00:00",
}
"""Every published format, given in Oslo in summer: two hours before UTC."""


@pytest.mark.usefixtures("in_oslo")
@pytest.mark.parametrize("text", DATE_FORMATS)
def test_every_published_date_is_read_in_the_zone_that_is_set_and_sent_in_utc(text: str) -> None:
    assert body(ordered(date_created=text))["date_created"] == AS_UTC[text]


@pytest.mark.usefixtures("in_oslo")
@pytest.mark.parametrize("text", DATE_FORMATS)
def test_the_day_of_ad_figures_is_the_day_that_the_text_says(text: str) -> None:
    sent = RecordAdPerformance(**{**RecordAdPerformance.example, "date": text})

    assert body(sent)["date"] == "2016-06-20"


@pytest.mark.usefixtures("in_oslo")
def test_moments_of_python_without_a_zone_are_in_the_zone_that_is_set() -> None:
    naive = datetime(2016, 6, 20, 17, 26, 44)  # noqa: DTZ001  # that is what is tested

    assert body(ordered(date_created=naive))["date_created"] == "2016-06-20 15:26:44"
    assert body(ordered(date_created=date(2016, 6, 20)))["date_created"] == "2016-06-19 22:00:00"


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "20/06/2016", "2016-13-01", "30.2.2016", "1466443604", "2016-06-20 25:00"],
)
def test_a_date_in_no_published_format_is_refused(text: str) -> None:
    (told,) = problems(AddUpdateOrder, **{**AddUpdateOrder.example, "date_created": text})

    assert told.startswith(f"Created Date: {text!r} is not a")
