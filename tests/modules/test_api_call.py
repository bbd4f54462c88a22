"""Make an API Call: the key never leaves for another host, and one call is one request."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.errors import InvalidBundleError
from segconnect.modules import MakeApiCall
from segconnect.wire.request import Address, Request


def call(url: str = "/v1/a/b/contact", address: Address | None = None, **values: Any) -> Request:
    """Answers the request of a call; GET if nothing else is given."""
    sent = MakeApiCall(url=url, **{"method": "GET", **values})
    (request,) = sent.requests(address or Address("a7f", "i9"))
    return request


def problems(**values: Any) -> list[str]:
    """Answers why a call is refused."""
    with pytest.raises(InvalidBundleError) as refused:
        call(**values)
    return refused.value.problems


OUT_OF_THE_ROOT = [
    "https://evil.example/api",
    "HTTPS://evil.example",
    "http:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "import.segmetrics.io:443/x",
    "//evil.example/v1",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/%5Cevil.example",
    "%2F%2Fevil.example",
    "/%2Fevil.example",
    "%252F%252Fevil.example",
    "user:secret@evil.example",
    "user@evil.example/v1",
    "@evil.example/v1",
    "//[broken",
    "..",
    "/..",
    "/v1/../../admin",
    "/v1/./x",
    "/v1/%2e%2e/x",
    "/v1/%2E./x",
    "/v1/.%2e/x",
    "/v1/%252e%252e/x",
    "/v1/%25252e%25252e/x",
    "/v1/..%2fx",
    "/v1/..\\x",
    "/v1/..?a=b",
    "/v1/x\ny",
    "/v1/x\r\nHost: evil.example",
    "/v1/x\ty",
    "/v1/x\x00y",
    "/v1/x\x7fy",
    "/v1/x%0d%0aHost:%20evil.example",
    "/v1/x%250ay",
    "/v1/x\u2028y",
    "/v1/x\x85y",
    " https://evil.example",
    "/v1/a b",
    "/v1/x#fragment",
    "/v1/{{connection.apiKey}}/x",
    "/v1/{{1.url}}",
    "",
    "   ",
]


@pytest.mark.parametrize("url", OUT_OF_THE_ROOT)
def test_a_url_that_could_leave_the_api_root_is_refused(url: str) -> None:
    told = problems(url=url)

    assert told
    assert all(problem.startswith("URL: ") for problem in told)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/v1/a/b/contact", "/v1/a/b/contact"),
        ("v1/a/b/contact", "/v1/a/b/contact"),
        ("/v1/{{connection.accountId}}/{{connection.integrationId}}/contact", "/v1/a7f/i9/contact"),
        ("/v1/{{ connection.accountId }}/{{connection.integrationId}}/x", "/v1/a7f/i9/x"),
        ("/v1/a/b/contact/joey@bloggs.com", "/v1/a/b/contact/joey@bloggs.com"),
        ("/v1/a/b/contact/joey%2Btea%40bloggs.com", "/v1/a/b/contact/joey%2Btea%40bloggs.com"),
        ("/v1/a/b/contact/12:30", "/v1/a/b/contact/12:30"),
        ("/v1/a/b/contact/...", "/v1/a/b/contact/..."),
        ("/v1/a/b/contact/é", "/v1/a/b/contact/%C3%A9"),
    ],
)
def test_a_path_below_the_root_is_asked_for_as_it_stands(url: str, path: str) -> None:
    assert call(url).path == path


def test_ids_of_the_connection_cannot_change_the_path() -> None:
    url = "/v1/{{connection.accountId}}/{{connection.integrationId}}/contact"

    assert call(url, Address("../x", "b?c#d")).path == "/v1/..%2Fx/b%3Fc%23d/contact"


def test_the_query_of_the_url_and_that_of_the_form_are_one() -> None:
    request = call("/v1/a/b/contact?page=2&q=a%20b", query={"limit": 5, "all": True, "off": None})

    assert request.path == "/v1/a/b/contact"
    assert request.query == {"page": "2", "q": "a b", "limit": "5", "all": "true"}


def test_a_parameter_that_is_given_twice_is_refused_since_one_would_be_lost() -> None:
    assert problems(url="/v1/x?page=1&page=2&limit=5", query={"limit": 6}) == [
        "Query String: 'page' is given 2 times; give it once",
        "Query String: 'limit' is given 2 times; give it once",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "authorization",
        "AUTHORIZATION",
        "Proxy-Authorization",
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
    ],
)
@pytest.mark.parametrize("value", ["x", "", None])
def test_headers_that_segconnect_sets_cannot_be_overridden(name: str, value: str | None) -> None:
    assert problems(headers={name: value}) == [
        f"Headers: {name} is set by segconnect; leave it out"
    ]


@pytest.mark.parametrize(
    "name", ["X-A ", " Authorization", "X:A", "X\nA", "Authorization\t", "X-é", "X A", '"x"']
)
def test_a_header_without_a_proper_name_is_refused(name: str) -> None:
    assert problems(headers={name: "x"}) == [f"Headers: {name!r} is not a header's name"]


@pytest.mark.parametrize("value", ["a\r\nAuthorization: x", "a\nb", "a\rb", "a\x7f", "a\x01", "€"])
def test_a_header_with_a_line_break_or_control_character_is_refused(value: str) -> None:
    (told,) = problems(headers={"X-A": value})

    assert told.startswith("Headers: the value of 'X-A' holds a line break")


def test_headers_go_out_as_texts_and_null_goes_not_at_all() -> None:
    request = call(headers={"X-A": "1", "X-B": 2, "X-C": True, "X-D": None})

    assert request.headers == {"X-A": "1", "X-B": "2", "X-C": "true"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "get", "Patch"])
def test_the_methods_are_those_of_the_app_guide_in_any_case(method: str) -> None:
    request = call(method=method)

    assert request.method == method.upper()
    assert request.idempotent == (method.upper() in ("GET", "PUT", "DELETE"))
    assert request.endpoint is None  # it does not travel in a batch


def test_another_method_is_refused() -> None:
    assert problems(method="TRACE") == [
        "Method: 'TRACE' is not one of 'GET', 'POST', 'PUT', 'PATCH' or 'DELETE'"
    ]


@pytest.mark.parametrize("body", [None, "plain text", 5, True, [1, {"a": None}], {"a": ["b"]}])
def test_a_body_is_whatever_json_can_say(body: Any) -> None:
    assert call(method="POST", body=body).body == body


@pytest.mark.parametrize(
    "body", [object(), {1: "x"}, float("nan"), {"a": {1, 2}}, ["\ud800"], {"\0": 1}]
)
def test_a_body_that_is_not_json_is_refused(body: Any) -> None:
    (told,) = problems(body=body)

    assert told.startswith("Body: ")


def test_a_body_without_a_bottom_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)

    assert problems(body=endless) == ["Body: is nested more than 100 deep"]
