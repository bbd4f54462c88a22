"""The description of the API: what it says is what the account does."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from segconnect.account.openapi import EXAMPLES, openapi, page
from segconnect.wire.endpoints import ENDPOINTS
from tests.conftest import Account


def references(value: Any) -> set[str]:
    """Every $ref within a description."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(item) for item in value.values()))
    if isinstance(value, list):
        return set[str]().union(*map(references, value))
    return set()


@pytest.mark.parametrize("key", EXAMPLES)
def test_every_example_is_accepted(account: Account, key: str) -> None:
    if key.startswith("POST tags"):
        account.send("contact", EXAMPLES["POST contact"])

    status, answer = account.post(key.removeprefix("POST "), EXAMPLES[key])

    assert (status, answer["status"]) == (200, "success")


def test_every_call_is_described_and_every_reference_leads_somewhere() -> None:
    told = openapi()

    described = {
        f"{method.upper()} {path.removeprefix('/api/v1/{account_id}/{integration_id}/')}"
        for path, methods in told["paths"].items()
        for method in methods
    }
    assert described >= set(ENDPOINTS) | {"POST batch", "GET contact"}
    schemas = {f"#/components/schemas/{name}" for name in told["components"]["schemas"]}
    assert references(told) <= schemas
    assert told["openapi"] == "3.1.0"


@pytest.mark.parametrize("name", openapi()["components"]["schemas"])
def test_every_schema_is_a_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(openapi()["components"]["schemas"][name])


def test_it_is_served_without_a_key(account: Account) -> None:
    spec = account.request("GET", "/openapi.json", headers={"authorization": ""})
    page_ = account.request("GET", "/docs", headers={"authorization": ""})

    assert spec.body == openapi()
    assert page_.status == 200


def test_the_page_loads_nothing_from_elsewhere() -> None:
    class Links(HTMLParser):
        found: list[str] = []  # noqa: RUF012  # one parser, one list

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [value or "" for name, value in attrs if name in ("src", "href")]

    parser = Links()
    parser.feed(page())
    assert [link for link in parser.found if not link.startswith(("#", "/"))] == []
