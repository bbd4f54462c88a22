"""The declarations beside the app guide, label by label, and beside the wire, name by name."""

from __future__ import annotations

import pytest

from segconnect.errors import UsageError
from segconnect.modules import MODULES, Module
from segconnect.modules.base import SEED, Collection, optional
from segconnect.modules.schema import FormField, form
from segconnect.wire.endpoints import ENDPOINTS
from segconnect.wire.request import Address

EACH_MODULE = pytest.mark.parametrize("module", list(MODULES), ids=lambda module: module.slug())

APP_GUIDE = {
    "Contacts and Tags": {
        "Add/Update a Contact": (
            "Contact Email Address",
            "Date Created",
            "First Name",
            "Last Name",
            "Status",
            "Tags",
            "Custom Fields: Key, Value",
        ),
        "Delete a Contact": ("Contact ID or Email",),
        "Add Tag to Contact": (
            "Update by Email or Contact ID",
            "Email Address",
            "Contact ID",
            "Tags",
        ),
        "Delete a Tag": ("Contact ID", "Email", "Tags"),
    },
    "Orders": {
        "Add/Update an Order": (
            "Email Address",
            "Invoice ID",
            "Paid",
            "Amount",
            "Created Date",
            "Items: Product Name, Product ID, Amount",
            "Refunded",
        ),
        "Delete an Order": ("Invoice ID",),
    },
    "Subscriptions": {
        "Add/Update a Subscription": (
            "Email Address",
            "Contact ID",
            "Subscription ID",
            "Amount",
            "Product ID",
            "Start Date",
            "Last Bill Date",
            "Billing Cycle",
            "Frequency",
            "Quantity",
            "Trial End Date",
            "End Date",
            "Canceled Date",
        ),
        "Delete a Subscription": ("Subscription ID",),
    },
    "Other": {
        "Record Ad Performance": (
            "AD: ID, Name",
            "AD Campaign: ID, Name",
            "AD Set: ID, Name",
            "AD Spend",
            "Date",
            "Impressions",
            "Clicks",
        ),
        "Make an API Call": (
            "URL",
            "Method",
            "Headers: Key, Value",
            "Query String: Key, Value",
            "Body",
        ),
    },
}
"""What the app guide lists, in its order and its words."""

CHOICES = {
    ("Add/Update a Contact", "Status"): ("Empty", "Active", "Inactive"),
    ("Add Tag to Contact", "Update by Email or Contact ID"): ("By Email", "By Contact ID"),
    ("Add/Update a Subscription", "Billing Cycle"): ("Year", "Month", "Week", "Day"),
    ("Make an API Call", "Method"): ("GET", "POST", "PUT", "PATCH", "DELETE"),
}


def in_the_words_of_the_guide(field: FormField) -> str:
    inner = [each.label for each in field.fields if not each.advanced and each.source == SEED]
    return f"{field.label}: {', '.join(inner)}" if inner else field.label


def test_the_modules_are_those_of_the_app_guide_with_its_fields_in_its_order() -> None:
    declared: dict[str, dict[str, tuple[str, ...]]] = {}
    for module in MODULES:
        if not module.advanced:
            labels = [in_the_words_of_the_guide(f) for f in form(module) if not f.advanced]
            declared.setdefault(module.group, {})[module.label] = tuple(labels)

    assert declared == APP_GUIDE
    assert [*declared] == [*APP_GUIDE]
    assert [[*modules] for modules in declared.values()] == [[*m] for m in APP_GUIDE.values()]


def test_the_selects_offer_the_choices_of_the_app_guide() -> None:
    offered = {
        (module.label, field.label): tuple(label for _, label in field.choices)
        for module in MODULES
        for field in form(module)
        if field.choices
    }

    assert offered == CHOICES


@EACH_MODULE
def test_what_is_beyond_the_app_guide_is_advanced_and_says_its_source(module: type[Module]) -> None:
    for field in form(module):
        beyond = field.advanced or module.advanced
        assert beyond == (field.source != SEED), field.label
        assert field.help.endswith("."), field.label


@EACH_MODULE
def test_options_of_the_command_line_are_unique_and_none_is_an_option_of_send(
    module: type[Module],
) -> None:
    options = [field.option for field in form(module)]

    assert len({*options, "--connection", "--data", "--json", "--dry-run", "--null", "--help"}) == (
        len(options) + 6
    )


@EACH_MODULE
def test_every_name_on_the_wire_is_one_that_the_account_reads(module: type[Module]) -> None:
    if not module.endpoint.startswith("POST"):
        return
    shape = ENDPOINTS[module.endpoint].shape
    assert shape is not None
    known = set(shape.model_fields)

    assert {facts.wire for facts in module.facts().values() if facts.wire} <= known


def test_every_call_of_the_import_api_has_its_module() -> None:
    declared = {module.endpoint.partition("{")[0] for module in MODULES if module.endpoint}

    assert declared == {endpoint.partition("{")[0] for endpoint in ENDPOINTS}


@EACH_MODULE
def test_the_example_of_a_module_makes_a_request(module: type[Module]) -> None:
    sent = module(**module.example)

    assert [request.label for request in sent.requests(Address("acc", "int"))] == [module.label]


@EACH_MODULE
def test_a_module_is_found_by_name_and_label_with_articles_and_without(
    module: type[Module],
) -> None:
    for name in (module.slug(), module.label, module.label.upper(), module.label.replace(" ", "-")):
        assert MODULES[name] is module


def test_names_are_the_labels_in_kebab_case_without_articles() -> None:
    assert [module.slug() for module in MODULES] == [
        "add-update-contact",
        "delete-contact",
        "add-tag-to-contact",
        "delete-tag",
        "add-update-order",
        "delete-order",
        "add-update-product",
        "add-update-subscription",
        "delete-subscription",
        "record-ad-performance",
        "make-api-call",
        "record-page-view",
        "identify-visitor",
    ]
    assert MODULES["add-update-an-order"].label == "Add/Update an Order"


def test_an_unknown_module_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(UsageError, match=r"unknown module 'add-order'; did you mean '.*-order'\?"):
        MODULES["add-order"]


def test_a_fact_that_no_field_has_is_refused_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match="a field has no advancd"):
        optional("Label", "Help.", advancd=True)


def test_a_collection_knows_its_facts_in_the_order_of_the_form() -> None:
    assert issubclass(MODULES["add-update-order"], Collection)
    assert [*MODULES["delete-tag"].facts()] == ["contact_id", "email", "tags"]
