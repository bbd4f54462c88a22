"""The JSON Schema of each module takes what its constructor takes, and nothing else."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from segconnect.connections import Connection
from segconnect.errors import InvalidBundleError
from segconnect.modules import MODULES, AddTagToContact, Module
from segconnect.modules.schema import Input, describe, form, json_schema
from segconnect.types import DATE_FORMATS

EACH_MODULE = pytest.mark.parametrize("module", list(MODULES), ids=lambda module: module.slug())

TRIED: dict[Input, list[Any]] = {
    Input.TEXT: ["", "Joey", "a\nb", "a\0b", 5, True, [], {}],
    Input.EMAIL: ["a@b.c", " Joey@Bloggs.com ", "", "joey", "a@b@c", "a b@c.d", 5, []],
    Input.ID: ["42", 42, -1, " P 1 ", "", "  ", "x" * 191, "x" * 192, "a\tb", 1.5, True, [], {}],
    Input.NAME: ["New Lead", 17, "", " ", "x" * 192, "a\nb", {"id": 3}, {"date": "20.6.2016"}, {}],
    Input.CENTS: [0, -5, 2**53 - 1, 2**53, "1250", " +7 ", "12.5", "$10", "", 12.5, 12.0, True, []],
    Input.MOMENT: [*DATE_FORMATS, "", "20/06/2016", "2016-13-01", "1466443604", 5, True, []],
    Input.DAY: [*DATE_FORMATS, "", "20/06/2016", "2016-06-20 25:00", "12 June", 5, True, []],
    Input.YES_NO: [True, False, 0, 1, 2, "yes", "No", "TRUE", "perhaps", "", [], {}],
    Input.WHOLE: [1, 3, "3", 3.0, -1, "-1", 1.5, "three", "", True, 2**60, []],
    Input.NUMBER: [0, 59.91, -90, "10.75", 200, -200, "x", "", True, []],
    Input.SELECT: ["fortnight", 5, [], {}],
    Input.PAIRS: [{}, {"a": "b"}, {"a": 1, "b": 0.5, "c": True, "d": None}, {"a": []}, {"": 1}, 5],
    Input.COLLECTION: [5.5, True, {}, {"id": 1}, {"id": "A", "name": None}, {"nid": 1}, "A1"],
    Input.JSON: [None, "text", 5, [1, {"a": None}], {"a": {"b": []}}],
}  # fmt: skip

URLS = ["/v1/a/b", "v1", "/v1/{{connection.accountId}}/x", "https://e.x/", "//e.x", "/a/../b",
        "/a/%2e%2E/b", "/a b", "/a\\b", "u@e.x/", "/a@b", "/x?a=..", "/a/..?b", "/...", "/a#b",
        "/%252e%252e/x", "", "/%0ax"]  # fmt: skip


def accepts_both(module: type[Module], values: dict[str, Any]) -> tuple[bool, bool]:
    """Answers whether the schema and whether the constructor takes the values."""
    try:
        module(**values)
    except InvalidBundleError:
        built = False
    else:
        built = True
    return jsonschema.Draft202012Validator(json_schema(module)).is_valid(values), built


@EACH_MODULE
def test_the_schema_is_a_schema_and_takes_the_example(module: type[Module]) -> None:
    schema = json_schema(module)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert accepts_both(module, dict(module.example)) == (True, True)


@EACH_MODULE
def test_the_schema_takes_a_value_of_a_field_where_the_constructor_does(
    module: type[Module],
) -> None:
    differing = []
    both = {"update_by": None, "contact_id": 42} if module is AddTagToContact else {}
    given = {**module.example, **both}
    for field in form(module):
        tried = URLS if field.name == "url" else TRIED[field.input]
        tried = [*tried, None, *(text for choice in field.choices for text in choice)]
        if field.many and field.input is not Input.PAIRS:
            tried = [*tried, [], tried, *([value] for value in tried)]
        for value in tried:
            schema, built = accepts_both(module, {**given, field.name: value})
            if schema != built:
                differing.append((field.label, value, f"schema {schema}, constructor {built}"))

    assert differing == []


@EACH_MODULE
def test_the_schema_asks_for_each_field_that_the_constructor_asks_for(
    module: type[Module],
) -> None:
    for name in module.example:
        values = {key: value for key, value in module.example.items() if key != name}
        schema, built = accepts_both(module, values)

        assert schema == built, name
    assert accepts_both(module, {**module.example, "colour": "green"}) == (False, False)


@EACH_MODULE
def test_all_that_is_known_of_a_module_can_be_written_as_json_and_names_each_field_once(
    module: type[Module],
) -> None:
    facts = describe(module)

    assert [field["name"] for field in facts["fields"]] == [*module.facts()]
    assert [*facts["schema"]["properties"]] == [*module.facts()]
    assert facts["schema"]["required"] == [f["name"] for f in facts["fields"] if f["required"]]


def test_a_form_knows_what_to_draw_for_each_field() -> None:
    drawn = {field.label: (field.input, field.many) for field in form(MODULES["add-update-order"])}

    assert drawn == {
        "Email Address": (Input.EMAIL, False),
        "Invoice ID": (Input.ID, False),
        "Paid": (Input.CENTS, False),
        "Amount": (Input.CENTS, False),
        "Created Date": (Input.MOMENT, False),
        "Items": (Input.COLLECTION, True),
        "Refunded": (Input.YES_NO, False),
        "Contact ID": (Input.ID, False),
        "Discount": (Input.CENTS, False),
        "Tax": (Input.CENTS, False),
        "Shipping": (Input.CENTS, False),
    }


def test_a_connection_has_a_form_and_a_schema_and_its_key_is_in_neither() -> None:
    key = "k8Tq2vXw5yZa7bCd9eFg1h"
    made = Connection(name="shop", api_key=key, account_id="A12", integration_id="I34")

    drawn = {field.name: field.input for field in form(Connection)}
    schema = json_schema(Connection)

    assert drawn == {
        "name": Input.TEXT,
        "api_key": Input.SECRET,
        "account_id": Input.ID,
        "integration_id": Input.ID,
        "base_url": Input.TEXT,
    }
    assert schema["required"] == ["name", "api_key", "account_id", "integration_id"]
    assert schema["properties"]["api_key"] == {
        "title": "API Key",
        "description": "The key that SegMetrics shows for the integration.",
        "type": "string",
        "minLength": 1,
        "writeOnly": True,
    }
    assert not any("default" in each for each in schema["properties"].values())
    assert key not in f"{form(Connection)} {form(type(made))} {schema}"
    jsonschema.Draft202012Validator.check_schema(schema)
    valid = {"name": "shop", "api_key": key, "account_id": "A12", "integration_id": 34}
    assert jsonschema.Draft202012Validator(schema).is_valid(valid)
    assert not jsonschema.Draft202012Validator(schema).is_valid({**valid, "api_key": ""})
