"""SegMetrics modules, whatever they are called in a blueprint."""

from __future__ import annotations

import pytest

from segconnect.modules import (
    MODULES,
    AddTagToContact,
    AddUpdateContact,
    AddUpdateOrder,
    DeleteContact,
    DeleteTag,
    MakeApiCall,
    Module,
    RecordAdPerformance,
)
from segconnect.scenario.blueprint import segmetrics


@pytest.mark.parametrize("module", list(MODULES), ids=lambda module: module.slug())
def test_a_module_is_found_by_the_id_that_we_write(module: type[Module]) -> None:
    id_ = next(id_ for id_, each in segmetrics.CANONICAL.items() if each is module)

    assert segmetrics.resolve(id_) is module
    assert segmetrics.resolve(id_.lower()) is module
    assert segmetrics.resolve(f"segmetrics:{module.__name__}") is module
    assert segmetrics.resolve(f"segmetrics:{module.slug()}") is module


@pytest.mark.parametrize(
    ("id_", "module"),
    [
        ("segmetrics:createContact", AddUpdateContact),
        ("segmetrics:UpsertAContact", AddUpdateContact),
        ("seg-metrics:create_or_update_contact", AddUpdateContact),
        ("app#segmetrics-x1:ActionUpdateContact", AddUpdateContact),
        ("segmetrics:addTagsToAContact", AddTagToContact),
        ("segmetrics:removeTagFromContact", DeleteTag),
        ("segmetrics:createInvoice", AddUpdateOrder),
        ("segmetrics:addAdPerformance", RecordAdPerformance),
        ("segmetrics:makeApiCall", MakeApiCall),
        ("segmetrics:watchContacts", None),
        ("hubspot:createContact", None),
        ("createContact", None),
    ],
)
def test_a_likely_spelling_means_a_module(id_: str, module: type[Module] | None) -> None:
    assert segmetrics.resolve(id_) is module


@pytest.mark.parametrize("module", list(MODULES), ids=lambda module: module.slug())
def test_no_two_fields_share_a_name(module: type[Module]) -> None:
    for name in module.facts():
        assert segmetrics.renamed(module, {name: "x"}) == ({name: "x"}, [])


def test_fields_are_found_by_other_names() -> None:
    order = {
        "contactId": "7",
        "id": "{{1.number}}",
        "Created Date": "{{now}}",
        "items": [{"productId": "P1", "Product Name": "Tea", "sku": "x"}],
        "colour": "red",
    }

    assert segmetrics.renamed(AddUpdateOrder, order) == (
        {
            "contact_id": "7",
            "invoice_id": "{{1.number}}",
            "date_created": "{{now}}",
            "items": [{"product_id": "P1", "name": "Tea"}],
        },
        ["items.sku", "colour"],
    )


def test_of_two_keys_for_one_field_the_one_that_is_filled_in_counts() -> None:
    for given in ({"contact_id": "", "email": "a@b.c"}, {"email": "a@b.c", "contact_id": ""}):
        assert segmetrics.renamed(DeleteContact, given) == ({"contact": "a@b.c"}, [])


def test_rows_of_key_and_value_are_a_collection() -> None:
    rows = [{"key": "plan", "value": "gold"}, {"key": "", "value": "x"}]

    assert segmetrics.with_pairs(AddUpdateContact, {"custom_fields": rows, "tags": ["a"]}) == {
        "custom_fields": {"plan": "gold"},
        "tags": ["a"],
    }
