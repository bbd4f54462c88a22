"""What a request holds becomes one bundle, whatever its form; what cannot be read is told."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scenario.hooks.conftest import Receiver

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
PARTS = {"content-type": 'multipart/form-data; boundary="=x="'}


def kind(name: str, **headers: str) -> dict[str, str]:
    return {"content-type": name, **headers}


def in_parts(*parts: tuple[str, bytes]) -> bytes:
    """A body in parts, each of what its Content-Disposition says and its content."""
    pieces = [
        f"--=x=\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    ]
    return b"".join([*pieces, b"--=x=--\r\n"])


@pytest.mark.parametrize(
    ("query", "body", "headers", "bundle"),
    [
        ("", b"", {}, {}),
        ("?email=joey%40bloggs.com&n=1&n=2&empty=", b"", {},
         {"email": "joey@bloggs.com", "n": ["1", "2"], "empty": ""}),
        ("?from=query&both=query", b'{"both": "body", "n": 1.10}', JSON,
         {"from": "query", "both": "body", "n": Decimal("1.1")}),
        ("?a=1", b"b=2&tags[]=new&tags[]=vip&one[]=x", FORM,
         {"a": "1", "b": "2", "tags": ["new", "vip"], "one": ["x"]}),
        ("", "name=Zoë&city=Troms%C3%B8".encode(), FORM, {"name": "Zoë", "city": "Tromsø"}),
        ("", b"name=Zo\xeb", FORM, {"name": "Zoë"}),
        ("", b"name=Zo%EB", FORM, {"name": "Zoë"}),
        ("", b"%&=&a;b=1", FORM, {"%": "", "": "", "a;b": "1"}),
        ("", b"[1, {}]", JSON, {"value": [1, {}]}),
        ("", b"null", JSON, {"value": None}),
        ("", b'"text"', kind("application/vnd.shop+json"), {"value": "text"}),
        ("", b'\xef\xbb\xbf{"a": 1}', JSON, {"a": 1}),
        ("", '{"a": "ø"}'.encode("utf-16"), kind("application/json; charset=utf-16"), {"a": "ø"}),
        ("", b'{"__proto__": {"a": 1}, "a": 1, "a": 2}', JSON, {"__proto__": {"a": 1}, "a": 2}),
        ("", b'{"\\u0000": "date", "value": "now"}', JSON, {"\0": "date", "value": "now"}),
        ("", b'{"half": "\\ud83d"}', JSON, {"half": "\ud83d"}),
        ("", b'{"id": 123456789012345678901234567890}', JSON,
         {"id": 123456789012345678901234567890}),
        ("", b'{"small": 1e-99999999999999999999}', JSON, {"small": 0}),
        ("", b'{"a": 1}', {}, {"a": 1}),
        ("", b'{"a": 1}', kind("text/plain"), {"a": 1}),
        ("", b"not JSON", kind("text/plain"), {"value": "not JSON"}),
        ("", b"<a/>", kind("application/xml"), {"value": "<a/>"}),
        ("", b"Zo\xeb", kind("text/html"), {"value": "Zoë"}),
        ("", b"\xd0\xff", kind("text/plain; charset=koi8-r"), {"value": "пЪ"}),
        ("", b"\x89PNG\xff", kind("image/png"), {"value": b"\x89PNG\xff"}),
        ("", b"a,b", kind("application/octet-stream"), {"value": "a,b"}),
        ("", gzip.compress(b'{"a": 1}', mtime=0), {**JSON, "content-encoding": "gzip"}, {"a": 1}),
        ("", zlib.compress(b"a=1"), {**FORM, "content-encoding": "deflate"}, {"a": "1"}),
        ("", in_parts(('name="a"', b"1"), ('name="a"', b"2\r\n--=x"), ('name=b', "ø".encode())),
         PARTS, {"a": ["1", "2\r\n--=x"], "b": "ø"}),
        ("", in_parts(('name="file"; filename="ø \\"1\\".png"\r\nContent-Type: image/png',
                       b"\x00\r\n\r\n\xff\n\r")), PARTS,
         {"file": {"name": 'ø "1".png', "mime": "image/png", "data": b"\x00\r\n\r\n\xff\n\r"}}),
        ("", in_parts(('name="f[]"; filename="a.txt"; filename*=UTF-8\'\'%C3%B8.txt', b"")), PARTS,
         {"f": [{"name": "ø.txt", "mime": "application/octet-stream", "data": b""}]}),
        ("", b"preamble\r\n--=x=  \r\n\r\nno name\r\n--=x=--epilogue", PARTS, {"": "no name"}),
        ("", b"--=x=--", PARTS, {}),
    ],
)  # fmt: skip
def test_a_request_becomes_one_bundle(
    shared: Receiver, query: str, body: bytes, headers: Mapping[str, str], bundle: Any
) -> None:
    hook = shared.hook()

    answer = shared.send(hook, body, headers, query=query)

    assert (answer.status, answer.content) == (200, b"Accepted")
    assert shared.came(hook) == [bundle]


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"{", JSON, 400, "the body cannot be read: Source is not valid JSON: Expecting property"
         " name enclosed in double quotes at line 1, column 2."),
        (b"[NaN]", JSON, 400,
         "the body cannot be read: Source is not valid JSON: NaN is not JSON."),
        (b"[1e999]", JSON, 400,
         "the body cannot be read: Source is not valid JSON: the number 1e999 is too large."),
        (b"[1e99999999999999999999]", JSON, 400, "the body cannot be read: Source is not valid"
         " JSON: the number 1e99999999999999999999 is too large."),
        (b"1" * 5_000, JSON, 400, "the body cannot be read: Source is not valid JSON: a number has"
         " more than 4,000 digits."),
        (b"[" * 101 + b"]" * 101, JSON, 400,
         "the body cannot be read: it is nested more than 100 levels deep"),
        (b"[" * 1_000_000, JSON, 400, "the body cannot be read: the JSON is nested too deeply"),
        (b"&" * 10_000, FORM, 400, "there are more than 10,000 fields"),
        (b"a", kind("text/plain; charset=klingon"), 415,
         "the charset 'klingon' is not known; send UTF-8"),
        (b"a", kind("text/plain; charset=idna"), 415,
         "the charset 'idna' is not known; send UTF-8"),
        (b"a", kind("text/plain", **{"content-encoding": "br"}), 415,
         "the Content-Encoding 'br' is not known; send the body plain, or as gzip"),
        (b"abc", kind("text/plain", **{"content-encoding": "gzip"}), 400, "the body is not gzip"),
        (gzip.compress(b"abc", mtime=0)[:-3], kind("text/plain", **{"content-encoding": "gzip"}),
         400, "the body is not one whole gzip"),
        (gzip.compress(b"a" * 5_000_001, mtime=0),
         kind("text/plain", **{"content-encoding": "gzip"}), 413,
         "the body is larger than 5,000,000 bytes"),
        (b"a" * 5_000_001, kind("text/plain"), 413, "the body is larger than 5,000,000 bytes"),
        (b"a", kind("multipart/form-data"), 400,
         "the Content-Type of the form names no boundary"),
        (b"a", PARTS, 400,
         "the form has no end; its parts are not as its Content-Type says"),
        (in_parts(('name="a"', b"1")).replace(b"=x=--", b""), PARTS, 400,
         "the form has no end; its parts are not as its Content-Type says"),
        (in_parts(('name="a"', b"1")) [:20] + b"x" * 20_000 + b"\r\n\r\n1\r\n--=x=--", PARTS, 400,
         "the form has no end; its parts are not as its Content-Type says"),
        (b"--=x=\r\n\r\n\r\n" * 10_001, PARTS, 400, "there are more than 10,000 fields"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_reason(
    shared: Receiver, body: bytes, headers: Mapping[str, str], status: int, reason: str
) -> None:
    hook = shared.hook()

    answer = shared.send(hook, body, headers)

    assert (answer.status, answer.content.decode()) == (status, reason)
    assert shared.came(hook) == []


def test_a_webhook_that_passes_json_on_keeps_its_text(shared: Receiver) -> None:
    hook = shared.hook(is_raw=True)

    shared.send(hook, b'{"a":  1.10}', JSON)
    shared.send(hook, b"{", JSON, query="?q=1")

    assert shared.came(hook) == [{"value": '{"a":  1.10}'}, {"q": "1", "value": "{"}]


def test_a_webhook_may_give_method_and_headers(shared: Receiver) -> None:
    hook = shared.hook(gives_method=True, gives_headers=True)

    shared.send(hook, b'{"a": 1}', {**JSON, "X-Shop": "Zo\xeb"}, method="PATCH")

    [bundle] = shared.came(hook)
    assert (bundle["a"], bundle["__IMTMETHOD__"]) == (1, "PATCH")
    assert {"name": "x-shop", "value": "Zo\xeb"} in bundle["__IMTHEADERS__"]


STRUCTURE = json.dumps(
    [
        {"name": "email", "type": "email", "required": True},
        {"name": "amount", "type": "number"},
        {"name": "at", "type": "date"},
        {"name": "items", "type": "array", "spec": [{"name": "sku", "required": True}]},
    ]
)


def test_what_fits_the_data_structure_has_its_types(shared: Receiver) -> None:
    hook = shared.hook(structure=STRUCTURE)

    answer = shared.send(hook, {"email": "joey@bloggs.com", "amount": "12.5", "items": {"sku": 1}})

    assert answer.status == 200
    assert shared.came(hook) == [
        {"email": "joey@bloggs.com", "amount": Decimal("12.5"), "items": [{"sku": 1}]}
    ]


def test_what_does_not_fit_the_data_structure_is_refused_with_all_reasons(
    shared: Receiver,
) -> None:
    hook = shared.hook(structure=STRUCTURE)

    answer = shared.send(hook, {"amount": "twelve", "at": "today", "items": [{}]})

    assert answer.status == 400
    assert answer.content.decode() == (
        "Missing value of required parameter 'email'; Invalid number in parameter 'amount';"
        " Invalid date in parameter 'at'; Missing value of required parameter 'items[1].sku'"
    )
    assert shared.came(hook) == []


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(any_json)
def test_json_of_any_content_comes_in_as_it_was(shared: Receiver, value: Any) -> None:
    hook = shared.hook()

    shared.send(hook, value)

    assert shared.came(hook) == [value if isinstance(value, dict) else {"value": value}]


pieces = st.lists(
    st.binary(max_size=8)
    | st.sampled_from(
        [
            *(b"\r\n--=x=", b"--", b"\r\n", b"\r\n\r\n", b'{"', b'":', b"[", b"]", b"}", b"1e"),
            *(b"Content-Disposition: form-data", b"; name=", b'; filename="', b"; filename*="),
            *(b"Content-Type: text/plain; charset=", b"utf-7", b"=", b"%", b"%ff", b"&", b'"'),
            *(b"\\ud800", b"\0"),
        ]
    ),
    max_size=20,
).map(b"".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    body=pieces,
    content_type=st.sampled_from(
        [JSON, FORM, PARTS, {}, kind("text/plain; charset=x"), kind("a/b;charset=utf-8;;=")]
    ),
    encoding=st.sampled_from(["identity", "gzip", "deflate", "x"]),
    query=st.text("ab=&%;[]+\\'\"", max_size=10),
)
def test_no_request_is_a_fault_of_the_server(
    shared: Receiver, body: bytes, content_type: dict[str, str], encoding: str, query: str
) -> None:
    hook = shared.hook(structure=STRUCTURE if body[:1] == b"{" else None, gives_headers=True)

    answer = shared.send(
        hook, body, {**content_type, "content-encoding": encoding}, query=f"?{query}"
    )

    assert answer.status in (200, 400, 415)
    assert len(shared.came(hook)) == (answer.status == 200)
