"""The description of the API, for programs and for people: it says what the account does."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from segconnect.account.reference.openapi import ROOT, openapi
from segconnect.account.reference.page import page
from segconnect.account.reference.words import EXAMPLE_IDS, EXAMPLES
from segconnect.wire.endpoints import ENDPOINTS
from tests.conftest import Account, Answer

SCHEMAS = openapi()["components"]["schemas"]
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in openapi()["paths"].items()
    for method, operation in methods.items()
}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Tells whether a value is as a schema of the description says."""
    whole = {**schema, "components": openapi()["components"]}
    return Draft202012Validator(whole).is_valid(value)


def is_described(answer: Answer, operation: dict[str, Any]) -> bool:
    """Tells whether an answer is as the description of its call says."""
    response = operation["responses"][str(answer.status)]
    if "$ref" in response:
        response = openapi()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return fits(answer.body, response["content"]["application/json"]["schema"])


def references(value: Any) -> set[str]:
    """Every $ref within a description."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(item) for item in value.values()))
    if isinstance(value, list):
        return set[str]().union(*map(references, value))
    return set()


# -- for programs --------------------------------------------------------------------------------


def test_it_is_openapi_with_all_that_is_mandatory_there() -> None:
    described = openapi()

    assert described["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(described["info"])
    assert len({each["operationId"] for each in OPERATIONS.values()}) == len(OPERATIONS)
    for name, operation in OPERATIONS.items():
        in_path = [each["name"] for each in operation.get("parameters", []) if each["in"] == "path"]
        assert sorted(in_path) == sorted(re.findall(r"{(\w+)}", name))
        assert all(
            each["required"] for each in operation.get("parameters", []) if each["in"] == "path"
        )
        assert all(
            "$ref" in each or "description" in each for each in operation["responses"].values()
        )
        assert {"200", "204"} & operation["responses"].keys()


def test_every_reference_leads_somewhere() -> None:
    described = openapi()

    def place(reference: str) -> Any:
        found: Any = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        return found

    assert all(place(reference) for reference in references(described))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_a_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_every_call_is_described_with_all_fields_of_its_body() -> None:
    for key, endpoint in ENDPOINTS.items():
        method, path = key.split(" ")
        operation = OPERATIONS[f"{method} {ROOT}{path}"]
        assert ("requestBody" in operation) == (endpoint.shape is not None)
        if endpoint.shape is not None:
            content = operation["requestBody"]["content"]["application/json"]
            schema = SCHEMAS[content["schema"]["$ref"].rpartition("/")[2]]
            assert set(schema["properties"]) == set(endpoint.shape.model_fields)
            assert content["example"] == EXAMPLES[key]
            assert fits(EXAMPLES[key], schema)
    assert {f"POST {ROOT}batch", f"GET {ROOT}contact", "GET /{account_id}/contact/{id}"} <= set(
        OPERATIONS
    )


def test_every_example_is_accepted_one_after_the_other_and_answered_as_described(
    account: Account,
) -> None:
    sent = [
        (account.request("POST", f"{account.root}/{key.removeprefix('POST ')}", body), key)
        for key, body in EXAMPLES.items()
    ]
    read = account.request("GET", f"/{account.id}/contact/42?extend=tags,orders,subscriptions")
    listed = account.request("GET", f"{account.root}/contact?limit=1")
    lines = OPERATIONS[f"POST {ROOT}batch"]["requestBody"]["content"]["application/json"]["example"]
    batch = account.request("POST", f"{account.root}/batch", lines)
    deleted = [
        account.request("DELETE", f"{account.root}/{kind}/{text}")
        for kind, text in EXAMPLE_IDS.items()
        if kind != "invoice"  # which the batch has deleted
    ]

    assert [answer.status for answer, _ in sent] == [200] * len(EXAMPLES)
    assert all(is_described(answer, OPERATIONS[f"POST {ROOT}{key[5:]}"]) for answer, key in sent)
    assert len(read.body["data"]["orders"][0]["line_items"]) == 2
    assert is_described(read, OPERATIONS["GET /{account_id}/contact/{id}"])
    assert is_described(listed, OPERATIONS[f"GET {ROOT}contact"])
    assert [each["status"] for each in batch.body] == [200, 200]
    assert is_described(batch, OPERATIONS[f"POST {ROOT}batch"])
    assert [answer.body["deleted"] for answer in deleted] == [True, True]
    assert all(
        is_described(each, OPERATIONS[f"DELETE {ROOT}contact/{{id}}"]) for each in deleted[:1]
    )


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "status"),
    [
        ("GET", "/identify", "?a={id}&e=joey@bloggs.com", b"", 200),
        ("GET", "/identify", "?a={id}&e=nonsense", b"", 400),
        ("GET", "/identify", "?a=nobody&e=joey@bloggs.com", b"", 404),
        ("POST", "/hit", "?a={id}&u=v1&l=https://tea.example/", b"", 204),
        ("POST", "/hit", "?a={id}&u=v1", b"", 400),
        ("GET", "/{account_id}/settings/snippet", "", b"", 200),
        ("POST", "/{account_id}/direct_marketing", "", b'[{"utm_source":"a","spend":1}]', 200),
    ],
)
def test_tracking_answers_as_it_is_described(
    shared_account: Account, method: str, path: str, query: str, body: bytes, status: int
) -> None:
    target = path.replace("{account_id}", shared_account.id)
    target += query.format(id=shared_account.id)
    answer = shared_account.request(method, target, body)

    assert answer.status == status
    described = OPERATIONS[f"{method} {path}"]
    assert status == 204 or is_described(answer, described)
    assert str(status) in described["responses"]


@pytest.mark.parametrize("key", EXAMPLES)
def test_a_field_is_mandatory_for_the_account_where_it_is_described_so(
    shared_account: Account, key: str
) -> None:
    shape = ENDPOINTS[key].shape
    assert shape is not None
    shared_account.send("contact", EXAMPLES["POST contact"])
    schema = OPERATIONS[f"POST {ROOT}{key[5:]}"]["requestBody"]["content"]["application/json"][
        "schema"
    ]

    for name in EXAMPLES[key]:
        rest = {field: value for field, value in EXAMPLES[key].items() if field != name}
        status, _ = shared_account.post(key.removeprefix("POST "), rest)
        assert (name, status == 200) == (name, fits(rest, schema))


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("POST", "{root}/contact", {}, 400),
        ("POST", "{root}/contact", {"authorization": "x"}, 401),
        ("POST", "{root}x/contact", {}, 404),
        ("POST", "{root}/contact", {"content-type": "text/plain"}, 415),
    ],
)
def test_errors_are_answered_as_described(
    shared_account: Account, method: str, target: str, headers: dict[str, str], status: int
) -> None:
    answer = shared_account.request(method, target.format(root=shared_account.root), {}, headers)

    assert answer.status == status
    assert is_described(answer, OPERATIONS[f"POST {ROOT}contact"])


def test_it_is_served_without_a_key(shared_account: Account) -> None:
    answer = shared_account.request("GET", "/openapi.json", headers={"authorization": ""})

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == openapi()


# -- for people ----------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes where a tag leads to, and that it is open."""
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Closes the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collects what is to be read."""
        self.text += data


def test_the_page_is_whole_in_itself() -> None:
    read = Page(page())

    assert [link for link in read.links if not link.startswith("#")] == ["/openapi.json"]
    assert {link.removeprefix("#") for link in read.links if link.startswith("#")} == set(read.ids)
    assert read.tags.isdisjoint({"script", "link", "img", "iframe", "form"})
    assert not re.search(r"url\(|@import", page())
    assert read.open == []


def test_the_page_tells_of_every_call_and_every_field() -> None:
    text = Page(page()).text

    for name, operation in OPERATIONS.items():
        assert operation["summary"] in text
        assert name in text
    for schema in SCHEMAS.values():
        for name, field in schema.get("properties", {}).items():
            assert name in text
            assert field.get("description", "").replace("`", "") in text


def test_the_page_is_for_light_and_dark_and_for_a_phone() -> None:
    assert "prefers-color-scheme: dark" in page()
    assert 'name="viewport" content="width=device-width' in page()


def test_the_page_is_served_without_a_key_and_may_load_nothing(shared_account: Account) -> None:
    answer = shared_account.request("GET", "/docs", headers={"authorization": ""})

    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.content.decode() == page()
