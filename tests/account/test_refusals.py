"""What is not well is refused with a clean 4xx, and nothing is changed, not even in part."""

from __future__ import annotations

import json
from typing import Any

import pytest

from segconnect.wire.endpoints import ENDPOINTS, MAX_BODY
from tests.conftest import Account, Answer

POSTS = [endpoint.path for endpoint in ENDPOINTS.values() if endpoint.shape]
DELETES = [endpoint.path for endpoint in ENDPOINTS.values() if not endpoint.shape]
WELL = b'"email":"joey@bloggs.com","id":1,"amount":1,"paid":1,"date_created":"2026-02-01",'

NOT_JSON = {
    "empty": b"",
    "blank": b" \n ",
    "cut off": b'{"email":"joey@bloggs.com"',
    "trailing comma": b'{"email":"joey@bloggs.com",}',
    "single quotes": b"{'email':'joey@bloggs.com'}",
    "two objects": b'{"email":"joey@bloggs.com"}{"email":"joey@bloggs.com"}',
    "broken UTF-8": b'{"email":"joey@bloggs.com","first_name":"\xff\xfe"}',
    "cut UTF-8": b'{"email":"joey@bloggs.com","first_name":"\xc3"}',
    "overlong UTF-8": b'{"email":"joey@bloggs.com","first_name":"\xc0\xaf"}',
    "surrogates as UTF-8": b'{"email":"joey@bloggs.com","first_name":"\xed\xa0\x80"}',
    "lone high surrogate": b'{"email":"joey@bloggs.com","first_name":"\\ud83d"}',
    "lone low surrogate": b'{"email":"joey@bloggs.com","first_name":"\\ude00"}',
    "lone surrogate in a key": b'{"email":"joey@bloggs.com","custom_fields":{"\\ud83d":1}}',
    "raw NUL": b'{"email":"joey@bloggs.com","first_name":"a\x00b"}',
    "NUL after": b'{"email":"joey@bloggs.com"}\x00',
    "line break in a text": b'{"email":"joey@bloggs.com","first_name":"a\nb"}',
    "byte order mark": b'\xef\xbb\xbf{"email":"joey@bloggs.com"}',
    "UTF-16": '{"email":"joey@bloggs.com"}'.encode("utf-16"),
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"email":' * 100_000,
    "deep and closed": b'{"email":"joey@bloggs.com","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "number of 5000 digits": b'{"email":"joey@bloggs.com","custom_fields":{"a":'
    + b"9" * 5000
    + b"}}",
    "no number": b'{"email":"joey@bloggs.com","geo_lat":01}',
    "a form": b"email=joey%40bloggs.com",
    "XML": b"<email>joey@bloggs.com</email>",
}
NOT_AN_OBJECT = {
    "null": b"null",
    "true": b"true",
    "number": b"5",
    "text": b'"joey@bloggs.com"',
    "array": b"[]",
    "array of objects": b'[{"email":"joey@bloggs.com"}]',
}


@pytest.fixture
def account(shared_account: Account) -> Account:
    """One account for all: nothing of what comes here should change it."""
    return shared_account


def refused(answer: Answer, status: int = 400) -> list[str]:
    """The sentences of a clean refusal."""
    assert answer.status == status, answer.content
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.body["status"] == "error"
    errors: list[str] = answer.body["errors"]
    assert errors
    assert all(isinstance(each, str) and 0 < len(each) < 400 for each in errors)
    return errors


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_body_that_is_not_json_is_refused_by_every_call(account: Account, body: bytes) -> None:
    before = account.everything()

    answers = [account.request("POST", f"{account.root}/{path}", body) for path in POSTS]

    for answer in answers:
        (told,) = refused(answer)
        assert told.startswith("the body is not a JSON object: ")
    assert account.everything() == before


@pytest.mark.parametrize("body", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT.keys())
def test_a_body_that_is_no_object_is_refused_by_every_call(account: Account, body: bytes) -> None:
    before = account.everything()

    answers = [account.request("POST", f"{account.root}/{path}", body) for path in POSTS]

    for answer in answers:
        (told,) = refused(answer)
        assert told.startswith("the body is not a JSON object: found ")
    assert account.everything() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("contact", {"email": "joey@bloggs.com", "first_name": "a\0b"}),
        ("contact", {"email": "joey@bloggs.com", "custom_fields": {"a\0": 1}}),
        ("contact", {"email": "joey@bloggs.com", "custom_fields": {"a": "\0"}}),
        ("contact", {"email": "joey@bloggs.com", "tags": [{"id": 1, "name": "\0"}]}),
        ("contact", {"email": "joey@bloggs.com", "tags": ["a\0"]}),
        ("contact", {"email": "joey\0@bloggs.com"}),
        ("contact", {"contact_id": "\0"}),
        ("contact", {"email": "joey@bloggs.com", "utm_source": "\0", "status": "active"}),
        ("tags/add", {"email": "joey@bloggs.com", "tags": ["\0"]}),
        ("product", {"id": 1, "name": "\0"}),
        ("product", {"id": "\0", "name": "x"}),
        ("ad/performance", {"ad": {"id": 1, "name": "\0"}, "spend": 1, "date": "2026-02-01"}),
        ("ad/performance", {"ad": 1, "spend": 1, "date": "2026-02-01\0"}),
    ],
)
def test_a_nul_character_is_refused_wherever_it_is(
    account: Account, path: str, body: dict[str, Any]
) -> None:
    before = account.everything()

    refused(account.request("POST", f"{account.root}/{path}", body))
    ((status, _),) = account.batch([(f"POST {path}", body)])

    assert status == 400
    assert account.everything() == before


WRONG = [True, 0.5, 1e300, float("nan"), float("-inf"), 10**4000, [], {}, [None], "", " ",
         "x" * 5_000, "\ufffe\u202e", -1, "' or 1=1 --"]  # fmt: skip


def test_every_nul_character_is_told_with_its_place(account: Account) -> None:
    body = {
        "first_name": "a\0b",
        "email": "a@b.c",
        "utm_source": "\0",
        "custom_fields": {"k": "\0"},
    }

    status, told = account.post("contact", body)

    assert status == 400
    assert told["errors"] == [
        r"'first_name' field: 'a\x00b' holds a NUL character",
        r"'utm_source' field: '\x00' holds a NUL character",
        r"'custom_fields.k' field: '\x00' holds a NUL character",
    ]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda value: str(value)[:12])
@pytest.mark.parametrize("path", POSTS)
def test_no_value_of_any_field_is_more_than_a_refusal(
    account: Account, path: str, wrong: Any
) -> None:
    """Each field in turn is given what does not fit it; some of it does fit, and is kept."""
    good = {
        "contact_id": None, "email": "joey@bloggs.com", "id": "1", "tags": ["A"], "amount": 1,
        "paid": 1, "date_created": "2026-02-01", "items": [{"name": "Tea", "amount": 1}],
        "product_id": "p", "start_date": "2026-02-01", "last_bill_date": "2026-02-01",
        "billing_cycle": "day", "frequency": 1, "name": "x", "ad": 1, "spend": 1,
        "date": "2026-02-01",
    }  # fmt: skip
    shape = ENDPOINTS[f"POST {path}"].shape
    assert shape is not None
    account.send("contact", {"email": "joey@bloggs.com"})
    lines = [(f"POST {path}", {**good, name: wrong}) for name in shape.model_fields]

    answers = [account.request("POST", f"{account.root}/{path}", body) for _, body in lines]

    assert {answer.status for answer in answers} <= {200, 400}
    for answer in answers:
        json.loads(answer.content, parse_constant=pytest.fail)
        if answer.status == 400:
            refused(answer)
    assert [body for status, body in account.batch(lines) if status == 400] == [
        answer.body for answer in answers if answer.status == 400
    ]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused_as_a_custom_field(account: Account, text: str) -> None:
    """It was kept, and made every later answer about the contact no JSON."""
    before = account.everything()
    body = b'{"contact_id":42,"custom_fields":{"a":' + text.encode() + b"}}"

    refused(account.request("POST", f"{account.root}/contact", body))

    assert account.everything() == before


def test_a_text_has_at_most_ten_thousand_characters(account: Account) -> None:
    account.send("contact", {"contact_id": 42, "first_name": "ñ" * 10_000})

    assert account.post("contact", {"contact_id": 42, "first_name": "ñ" * 10_001})[1]["errors"] == [
        f"'first_name' field: expected at most 10000 characters, found '{'ñ' * 56}..."
    ]


def test_thousands_of_problems_are_told_in_one_answer(account: Account) -> None:
    items = [{"name": [number], "product_id": {}, "amount": "x"} for number in range(1000)]

    answer = account.request("POST", f"{account.root}/invoice", {"items": items})

    assert len(refused(answer)) == 3 * 1000 + 5


# -- paths and methods ---------------------------------------------------------------------------

IDS = ["%00", "a%00b", "%0a", "%7f", "%e2%80%ae", "%20", "+", "%2F", "..", "..%2f..", "a/b", "%ff",
       "%ed%a0%80", "%", "%zz", "%25", "'", "%27%20or%20%271", "%2500", "x" * 192, "x" * 5_000,
       "%F0%9F%98%80", "@", "*", "?", "contact", "%E2%80%8B"]  # fmt: skip


@pytest.mark.parametrize("text", IDS, ids=lambda text: text[:20])
def test_deleting_by_an_odd_id_deletes_nothing(account: Account, text: str) -> None:
    account.send("contact", {"contact_id": "x" * 191, "email": "joey@bloggs.com"})
    account.order("x" * 191, email="joey@bloggs.com")
    account.subscription("x" * 191, email="joey@bloggs.com")
    before = account.everything()

    for path in DELETES:
        target = path.replace("{id}", text)
        answer = account.request("DELETE", f"{account.root}/{target}")
        ((status, body),) = account.batch([{"endpoint": f"DELETE {target}"}])

        if answer.status == 200:
            assert answer.body["deleted"] is False
        else:
            refused(answer, 405 if text == "?" else 400)
        if text != "?":  # in a path it begins the query
            assert (status, body) == (answer.status, answer.body)
    assert account.everything() == before


@pytest.mark.parametrize("text", IDS, ids=lambda text: text[:20])
def test_reading_an_odd_id_finds_nothing(account: Account, text: str) -> None:
    account.send("contact", {"contact_id": "x" * 191, "email": "joey@bloggs.com"})

    ours, theirs = (
        account.request("GET", f"{root}/contact/{text}")
        for root in (f"/{account.id}", account.root)
    )

    if text != "?":
        refused(theirs, 404)
    assert ours.status == 404
    assert set(ours.body) == {"message"}


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("contact", "GET, POST"),
        ("contact/42", "DELETE, GET"),
        ("tags/add", "POST"),
        ("tags/remove", "POST"),
        ("invoice", "POST"),
        ("invoice/1", "DELETE"),
        ("subscription", "POST"),
        ("subscription/1", "DELETE"),
        ("product", "POST"),
        ("ad/performance", "POST"),
        ("batch", "POST"),
        ("request", "GET"),
    ],
)
def test_a_method_that_is_not_for_a_call_is_told_which_are(
    account: Account, path: str, allow: str
) -> None:
    methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}
    before = account.everything()

    for method in methods - set(allow.split(", ")):
        answer = account.request(method, f"{account.root}/{path}", {"contact_id": 43})
        refused(answer, 405)
        assert answer.headers["allow"] == allow

    assert account.everything() == before


@pytest.mark.parametrize("path", ["", "nothing", "contacts", "tags", "tags/5", "product/1",
                                  "request/5", "ad", "ad/performance/1", "batch/1", "CONTACT",
                                  "contact%2F42", "./contact"])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_call_that_there_is_not_is_not_found(account: Account, path: str, method: str) -> None:
    before = account.everything()

    answer = account.request(method, f"{account.root}/{path}", {"contact_id": 43})

    refused(answer, 404)
    assert account.everything() == before


@pytest.mark.parametrize(
    "target", ["/", "/x", "/{}", "/{}/contact", "/{}/contact/1/2", "/{}/report"]
)
def test_a_page_that_there_is_not_is_not_found(account: Account, target: str) -> None:
    answer = account.request("GET", target.format(account.id))

    assert (answer.status, set(answer.body)) == (404, {"message"})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_contact_is_only_read_on_the_reporting_side(account: Account, method: str) -> None:
    answer = account.request(method, f"/{account.id}/contact/42")

    assert (answer.status, answer.headers["allow"]) == (405, "GET")


# -- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "text/json",
        "application/vnd.api+json",
    ],
)
def test_json_is_taken_under_its_names(account: Account, kind: str) -> None:
    headers = {"content-type": kind}

    answer = account.request("POST", f"{account.root}/contact", {"contact_id": 42}, headers)

    assert answer.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "\xff"},
        {"content-type": ""},
        {"content-encoding": "gzip"},
    ],
)
def test_another_kind_of_body_is_refused_as_such(account: Account, headers: dict[str, str]) -> None:
    before = account.everything()

    for path in ("contact", "batch"):
        answer = account.request("POST", f"{account.root}/{path}", {"contact_id": 43}, headers)
        refused(answer, 415)

    assert account.everything() == before


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_larger_than_a_megabyte_is_refused(account: Account, in_chunks: bool) -> None:
    start, end = b'{"contact_id":42,"shoe_size":"', b'"}'
    fits = start + b"x" * (MAX_BODY - len(start) - len(end)) + end
    larger = start + b"x" * (MAX_BODY - len(start) - len(end) + 1) + end

    def send(body: bytes) -> Answer:
        chunks = [body[:10], b"", body[10:500_000], body[500_000:], b""]
        return account.request("POST", f"{account.root}/contact", chunks if in_chunks else body)

    before = account.everything()

    assert refused(send(larger), 413) == ["the body is larger than 1000000 bytes"]
    assert account.everything() == before
    assert send(fits).status == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("extend=tags,orders", 200),
        ("extend=", 200),
        ("extend=tags&extend=orders", 200),
        ("extend=tags,friends", 400),
        ("extend=%00", 400),
        ("extend=%ff", 400),
        ("%00=%00&&&==&%", 200),
    ],
)
def test_an_expansion_that_there_is_not_is_refused(
    account: Account, query: str, status: int
) -> None:
    account.send("contact", {"contact_id": 42})

    answer = account.request("GET", f"/{account.id}/contact/42?{query}")

    assert answer.status == status
    assert set(answer.body) == ({"data"} if status == 200 else {"message"})


ODD_PAGES = ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "page=0", "page=1.5",
             f"page={'9' * 5000}", "limit=%00"]  # fmt: skip


@pytest.mark.parametrize("query", ODD_PAGES, ids=lambda query: query[:12])
def test_a_limit_or_page_out_of_range_is_refused(account: Account, query: str) -> None:
    refused(account.request("GET", f"{account.root}/contact?{query}"))


def test_a_nul_in_a_filter_finds_nothing(account: Account) -> None:
    account.send("contact", {"contact_id": 42})

    for query in ("email=%00", "contact_id=a%00"):
        answer = account.request("GET", f"{account.root}/contact?{query}")
        assert (answer.status, answer.body["contact"]) == (200, [])
