"""How the options of `segconnect send` become the values of a module."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from segconnect.cli.bundle import build
from segconnect.errors import InvalidBundleError
from segconnect.modules import AddUpdateContact, AddUpdateOrder, MakeApiCall, Module

ORDER = {
    "email": "joey@bloggs.com",
    "invoice_id": "1042",
    "paid": "1250",
    "amount": "1250",
    "date_created": "2026-03-02",
}
NOT_GIVEN = dict.fromkeys(AddUpdateContact.facts())


def contact(*nulls: str, **given: Any) -> Any:
    """Answers what goes on the wire for a contact; every other option is not given."""
    options = {**NOT_GIVEN, "email": "joey@bloggs.com", **given}
    wire = build(AddUpdateContact, options, nulls).on_the_wire()
    del wire["email"]
    return wire


def items(*texts: str) -> Any:
    return build(AddUpdateOrder, {**ORDER, "items": texts}, []).on_the_wire()["items"]


def problems(module: type[Module], given: dict[str, Any], *nulls: str) -> list[str]:
    with pytest.raises(InvalidBundleError) as refused:
        build(module, given, nulls)
    return refused.value.problems


def test_an_option_that_is_not_given_is_not_sent_and_an_empty_one_is_and_null_is() -> None:
    assert contact() == {}
    assert contact(first_name="") == {"first_name": ""}
    assert contact("first-name") == {"first_name": None}
    assert contact("--first-name", "last_name") == {"first_name": None, "last_name": None}


def test_null_of_a_field_of_many_is_named_by_its_option() -> None:
    assert contact("tag", "custom-field") == {"tags": None, "custom_fields": None}


@pytest.mark.parametrize(
    ("texts", "fields"),
    [
        (["company=Acme", "city=Oslo"], {"company": "Acme", "city": "Oslo"}),
        (["company="], {"company": ""}),
        (["company:=null"], {"company": None}),
        (["seats:=4", "vip:=true", 'note:="4"'], {"seats": 4, "vip": True, "note": "4"}),
        (["url=https://a.b/?c=d"], {"url": "https://a.b/?c=d"}),
        (["a:b=c"], {"a:b": "c"}),
        (['{"a=": 1, "b": null}', "c=d"], {"a=": 1, "b": None, "c": "d"}),
    ],
)
def test_custom_fields_are_pairs_with_json_after_a_colon(
    texts: list[str], fields: dict[str, Any]
) -> None:
    assert contact(custom_fields=texts) == {"custom_fields": fields}


@pytest.mark.parametrize(
    ("texts", "tags"),
    [
        (["New Lead", "17"], ["New Lead", "17"]),
        (["a=b", "a, b"], ["a=b", "a, b"]),
        (
            ['{"name": "VIP", "date": "2026-03-01"}'],
            [{"name": "VIP", "date": "2026-03-01 00:00:00"}],
        ),
        (['["A", {"id": 3}]', "B"], ["A", {"id": "3"}, "B"]),
        (["[]"], []),
    ],
)
def test_tags_are_texts_or_json(texts: list[str], tags: list[Any]) -> None:
    assert contact(tags=texts) == {"tags": tags}


TEA = {"name": "Tea", "product_id": "P1", "amount": 500}


@pytest.mark.parametrize(
    ("texts", "lines"),
    [
        (["name=Tea,product_id=P1,amount=500"], [TEA]),
        (["amount=500, name=Tea, product-id=P1"], [TEA]),
        (['{"name": "Tea", "product_id": "P1", "amount": 500}'], [TEA]),
        (['[{"name": "Tea", "product_id": "P1", "amount": 500}]'], [TEA]),
        (["name=Tea, green,product_id=P1,amount=500"], [{**TEA, "name": "Tea, green"}]),
        (["name=,product_id=P1,amount=500"], [{**TEA, "name": ""}]),
        (["name:=null,product_id=P1,amount:=500"], [{**TEA, "name": None}]),
        (["name=Tea,product_id=P1,amount=500", "product_id=P2,amount=1"],
         [TEA, {"product_id": "P2", "amount": 1}]),
    ],
)  # fmt: skip
def test_items_are_written_as_names_and_values_or_as_json(
    texts: list[str], lines: list[Any]
) -> None:
    assert items(*texts) == lines


def test_all_problems_are_told_at_once_those_of_reading_too() -> None:
    told = problems(
        AddUpdateOrder,
        {
            "invoice_id": "",
            "paid": "12.5",
            "items": ["Tea=500,x", "{"],
            "is_refunded": True,
            "email": "a@b.c",
        },
        "colour",
        "email",
    )

    assert told == [
        "Items: '{' is not JSON: Expecting property name enclosed in double quotes: line 1 column 2"
        " (char 1)",
        "--null: unknown option 'colour'; known are amount, contact-id, date-created, discount,"
        " email, invoice-id, is-refunded, item, paid, shipping, tax",
        "Email Address: given, and null as well; leave one of them out",
        "Invoice ID: is empty; expected an ID",
        "Paid: '12.5' is not in whole cents; if it is in units of the currency, send 1250",
        "Amount: missing",
        "Created Date: missing",
    ]


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["=Tea,product_id=P1"], "Items: '=Tea,product_id=P1' is not understood; expected"
         " name=...,product_id=...,amount=..., or JSON"),
        (["name=a,name=b"], "Items: 'name' is given twice in 'name=a,name=b'"),
        (["prodct_id=P1,amount=1"], "Items 1 Product ID: missing"),
        (["Tea"], "Items 1: 'Tea' is not a collection"),
    ],
)  # fmt: skip
def test_an_item_that_is_not_understood_is_told(texts: list[str], problem: str) -> None:
    assert problem in problems(AddUpdateOrder, {**ORDER, "items": texts})


def test_a_pair_without_an_equals_sign_or_given_twice_is_told() -> None:
    call = {"url": "/v1/x", "method": "GET"}

    assert problems(MakeApiCall, {**call, "headers": ["X-A"]}) == [
        "Headers: 'X-A' is no pair; expected key=value, or key:=null"
    ]
    assert problems(MakeApiCall, {**call, "query": ["a=1", "a=2"]}) == [
        "Query String: 'a' is given twice"
    ]


@pytest.mark.parametrize(
    ("text", "body"),
    [('{"a": [1, null]}', {"a": [1, None]}), ("plain text", "plain text"), ("", ""), ("5", 5)],
)
def test_a_body_is_json_or_else_a_text(
    text: str, body: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "body.json"
    file.write_text("\ufeff" + text, "utf-8")

    def sent(option: str) -> Any:
        built = build(MakeApiCall, {"url": "/v1/x", "method": "POST", "body": option}, [])
        assert isinstance(built, MakeApiCall)
        return built.body

    assert sent(text) == body
    assert sent(f"@{file}") == body
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert sent("-") == body


def test_a_body_in_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    (told,) = problems(MakeApiCall, {"url": "/x", "method": "GET", "body": f"@{tmp_path}/none"})

    assert told.startswith(f"Body: cannot read {tmp_path}/none: ")
