"""What HTTP modules send, give and refuse; the peer is a server on this machine."""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode

import pytest

from segconnect.scenario.engine import Limits, Result, Services, Status, run
from segconnect.scenario.engine.fetching import is_public

from .conftest import Asked

CONNECTIONS = {
    "1": {"user": "ann", "password": "s3cret-word"},
    "2": {"key": "K-123456", "name": "X-Api-Key"},
    "3": {"key": "K-123456", "name": "key", "placement": "query"},
}


OAUTH = {"client_id": "me", "client_secret": "mine-only"}


def request(
    asked: Asked,
    mapper: dict[str, Any],
    module: str = "http:ActionSendData",
    parameters: dict[str, Any] | None = None,
    **services: Any,
) -> Result:
    """Runs one HTTP module; a URL that begins with a slash is the server's."""
    url = mapper["url"]
    mapper = {**mapper, "url": asked.url + url if url.startswith("/") else url}
    flow = [{"id": 1, "module": module, "parameters": parameters or {}, "mapper": mapper}]
    given: dict[str, Any] = {
        "allowed_hosts": [asked.host],
        "connections": {
            **CONNECTIONS,
            "4": {**OAUTH, "token_url": f"{asked.url}/token"},
        },
        **services,
    }
    return run({"name": "http", "flow": flow}, Services(**given), trace=True)


def output(result: Result) -> Any:
    assert result.error is None, result.error
    return result.trace[0].output[0]


def test_query_and_headers_are_sent_and_the_answer_is_read(asked: Asked) -> None:
    mapper = {
        "url": "/a b?x=1",
        "method": "get",
        "headers": [{"name": "X-Own", "value": "yes"}],
        "qs": [{"name": "q", "value": "ü & more"}],
        "parseResponse": True,
    }

    found = output(request(asked, mapper))

    assert found["statusCode"] == 200
    assert found["data"]["query"] == {"x": "1", "q": "ü & more"}
    assert asked[0][1] == "/a%20b?x=1&q=%C3%BC+%26+more"
    assert asked.headers[0]["x-own"] == "yes"


@pytest.mark.parametrize(
    ("mapper", "kind", "body"),
    [
        (
            {"bodyType": "raw", "contentType": "application/json", "data": '{"n": 1}'},
            "application/json",
            '{"n": 1}',
        ),
        (
            {"bodyType": "x_www_form_urlencoded", "formFields": [{"key": "a", "value": "1 2"}]},
            "application/x-www-form-urlencoded",
            "a=1+2",
        ),
    ],
    ids=["raw", "form"],
)
def test_a_body_is_sent_as_its_type_says(
    asked: Asked, mapper: dict[str, Any], kind: str, body: str
) -> None:
    output(request(asked, {"url": "/", "method": "post", **mapper}))

    assert asked[0][2] == body
    assert asked.headers[0]["content-type"] == kind


def test_a_multipart_form_holds_fields_and_files(asked: Asked) -> None:
    fields = [{"key": "a", "value": "1"}, {"key": "f", "filename": "n.txt", "data": "text"}]

    mapper = {"url": "/", "method": "post", "bodyType": "multipart_form_data"}
    output(request(asked, {**mapper, "formFields": fields}))

    body = asked[0][2]
    assert 'name="a"\r\n\r\n1\r\n' in body
    assert 'name="f"; filename="n.txt"' in body
    assert "\r\n\r\ntext\r\n" in body


@pytest.mark.parametrize(
    ("module", "parameters", "header", "value"),
    [
        (
            "http:ActionSendDataBasicAuth",
            {"auth": 1},
            "authorization",
            "Basic YW5uOnMzY3JldC13b3Jk",
        ),
        ("http:ActionSendDataAPIKeyAuth", {"auth": 2}, "x-api-key", "K-123456"),
        ("http:ActionSendDataOAuth", {"__IMTCONN__": 4}, "authorization", "Bearer T0KEN"),
        (
            "http:MakeRequest",
            {"authenticationType": "apiKey", "apiKeyKeychain": 2},
            "x-api-key",
            "K-123456",
        ),
    ],
)
def test_requests_are_signed_in(
    asked: Asked, module: str, parameters: dict[str, Any], header: str, value: str
) -> None:
    output(request(asked, {"url": "/", "method": "get"}, module, parameters))

    assert asked.headers[-1][header] == value


def test_an_api_key_may_stand_in_the_query_and_is_not_in_the_trace(asked: Asked) -> None:
    mapper = {"url": "/", "method": "get", "parseResponse": True}

    result = request(asked, mapper, "http:ActionSendDataAPIKeyAuth", {"auth": 3})

    assert asked[0][1] == "/?key=K-123456"
    assert "K-123456" not in repr(result.trace)


def test_without_its_connection_a_module_sends_nothing(asked: Asked) -> None:
    result = request(asked, {"url": "/"}, "http:ActionSendDataBasicAuth", {"auth": 99})

    assert result.error is not None
    assert result.error.kind == "AccountValidationError"
    assert asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost:9/",
        "http://[::1]:9/",
        "http://[::ffff:127.0.0.1]:9/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://0.0.0.0:9/",
        "http://2130706433:9/",
        "http://0x7f.1:9/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b:1::1]/",
        "http://[::127.0.0.1]:9/",
        "http://[2002:7f00:1::]/",
        "http://[fec0::1]/",
        "http://[fd00::1]/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://user@127.0.0.1:9/",
        "http://127%2e0%2e0%2e1.example.com/",
        "http://127.0.0.1\\.example.com/",
        "http://\uff11\uff12\uff17.0.0.1:9/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://127.0.0.1:9/",
    ],
)
def test_private_addresses_and_other_schemes_are_refused(asked: Asked, url: str) -> None:
    result = request(asked, {"url": url, "method": "get"})

    assert result.status is Status.ERROR
    assert result.error is not None
    assert result.error.kind == "RuntimeError"
    assert asked == []


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::808:808"])
def test_public_addresses_are_not_refused(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_host_that_is_allowed_is_so_on_its_port_only(asked: Asked) -> None:
    result = request(asked, {"url": "http://127.0.0.1:9/", "method": "get"})

    assert result.error is not None
    assert "add 127.0.0.1:9 to the allowed hosts" in result.error.message


def test_a_redirect_to_a_private_address_is_refused(asked: Asked) -> None:
    result = request(asked, {"url": "/redirect?to=http://169.254.169.254/x", "method": "get"})

    assert result.error is not None
    assert "169.254.169.254" in result.error.message
    assert len(asked) == 1


def test_a_redirect_is_followed_and_signs_in_at_the_same_host_only(asked: Asked) -> None:
    mapper = {"url": "/redirect?to=/there", "method": "get", "authUser": "a", "authPass": "b"}
    output(request(asked, mapper))
    elsewhere = asked.url.replace("127.0.0.1", "localhost")
    other = elsewhere.removeprefix("http://")
    mapper["url"] = f"/redirect?to={elsewhere}/there"
    output(request(asked, mapper, allowed_hosts=[asked.host, other]))

    assert [each.get("authorization") for each in asked.headers] == [
        "Basic YTpi",
        "Basic YTpi",
        "Basic YTpi",
        None,
    ]


def test_redirects_do_not_go_on_without_end(asked: Asked) -> None:
    result = request(asked, {"url": "/redirect?to=/redirect%3Fto%3D/redirect", "method": "get"})

    assert result.status is Status.ERROR
    assert len(asked) <= 12


def test_a_post_is_not_redirected_unless_all_are_followed(asked: Asked) -> None:
    assert output(request(asked, {"url": "/redirect?to=/x", "method": "post"}))["statusCode"] == 302
    mapper = {"url": "/redirect?to=/x", "method": "post", "followAllRedirects": True}
    assert output(request(asked, mapper))["statusCode"] == 200
    assert asked[-1][:2] == ("GET", "/x")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "RuntimeError"),
        (401, "RuntimeError"),
        (429, "RateLimitError"),
        (503, "ConnectionError"),
    ],
)
def test_a_failed_answer_is_an_error_only_where_that_is_asked_for(
    asked: Asked, status: int, kind: str
) -> None:
    mapper = {"url": f"/status/{status}", "method": "get"}

    assert output(request(asked, mapper))["statusCode"] == status
    error = request(asked, mapper, parameters={"handleErrors": True}).error
    assert error is not None
    assert error.kind == kind
    assert error.message.startswith(f"[{status}]")
    error = request(asked, mapper, "http:MakeRequest").error
    assert error is not None
    assert error.kind == kind


def test_an_answer_must_come_in_time_and_be_of_a_size(asked: Asked) -> None:
    began = time.monotonic()
    late = request(asked, {"url": "/slow", "method": "get", "timeout": 1}).error
    assert time.monotonic() - began < 1.5
    large = request(
        asked, {"url": "/large", "method": "get"}, limits=Limits(response_bytes=10_000)
    ).error

    assert late is not None
    assert late.kind == "ModuleTimeoutError"
    assert large is not None
    assert large.kind == "MaxFileSizeExceededError"


def test_a_peer_that_is_not_there_is_a_connection_error(asked: Asked) -> None:
    error = request(
        asked, {"url": "http://127.0.0.1:9/", "method": "get"}, allowed_hosts=["127.0.0.1"]
    ).error

    assert error is not None
    assert error.kind == "ConnectionError"


def test_cookies_are_shared_where_that_is_asked_for(asked: Asked) -> None:
    flow = [
        {
            "id": n,
            "module": "http:ActionSendData",
            "mapper": {"url": asked.url + path, "method": "get", "shareCookies": shares},
        }
        for n, (path, shares) in enumerate([("/cookie", True), ("/", True), ("/", False)], 1)
    ]
    run({"name": "cookies", "flow": flow}, Services(allowed_hosts=[asked.host]))

    assert [each.get("cookie") for each in asked.headers] == [None, "session=abc", None]


def test_a_file_comes_as_a_buffer_with_its_name(asked: Asked) -> None:
    flow = [
        {"id": 1, "module": "http:ActionGetFile", "mapper": {"url": f"{asked.url}/file/a%20b.bin"}},
        {
            "id": 2,
            "module": "util:SetVariable2",
            "mapper": {"name": "x", "value": "{{1.fileName}} {{1.fileSize}} {{length(1.data)}}"},
        },
    ]
    result = run({"name": "file", "flow": flow}, Services(allowed_hosts=[asked.host]), trace=True)

    assert result.trace[1].output == [{"x": "a b.bin 2 2"}]


@pytest.mark.parametrize(
    "paging",
    [
        {"paginationType": "pageBased", "pageParameter": "page", "itemsPath": "items"},
        {"paginationType": "offsetBased", "itemsPath": "items", "limit": 2},
        {"paginationType": "tokenBased", "tokenPath": "nextPageToken"},
        {"paginationType": "urlBased", "nextUrlPath": "next"},
    ],
    ids=lambda paging: str(paging["paginationType"]),
)
def test_each_page_is_a_bundle(asked: Asked, paging: dict[str, Any]) -> None:
    mapper = {"url": "/pages", "method": "get", "parseResponse": True, **paging}

    result = request(asked, mapper, "http:MakeRequest")

    pages = [each["data"]["items"] for each in result.trace[0].output]
    assert [items for items in pages if items] == [[1, 2], [3, 4], [5]]


def test_articles_of_a_feed_are_read_and_chosen_by_date(asked: Asked) -> None:
    mapper = {"url": f"{asked.url}/feed.xml", "filterDateFrom": "2026-03-02", "maxResults": 5}
    flow = [
        {"id": 1, "module": "rss:ActionReadArticles", "mapper": mapper},
        {
            "id": 2,
            "module": "util:ComposeTransformer",
            "mapper": {"value": "{{1.title}} {{1.url}} {{1.dateCreated}}"},
        },
    ]
    result = run({"name": "rss", "flow": flow}, Services(allowed_hosts=[asked.host]), trace=True)

    assert [each.output for each in result.trace[1:]] == [
        [{"value": "New https://example.com/2 2026-03-03T08:00:00.000Z"}]
    ]


def test_a_redirect_names_its_host_in_the_way_it_is_looked_up(asked: Asked) -> None:
    result = request(
        asked, {"url": "/redirect?to=http://127%252e0%252e0%252e1.example.com/", "method": "get"}
    )

    assert result.error is not None
    assert "is not written in letters" in result.error.message
    assert len(asked) == 1


def test_redirects_together_take_no_longer_than_the_time_out(asked: Asked) -> None:
    began = time.monotonic()
    error = request(asked, {"url": "/wait", "method": "get", "timeout": 1}).error

    assert time.monotonic() - began < 1.5
    assert error is not None
    assert error.kind == "ModuleTimeoutError"


def test_a_compressed_answer_is_unpacked_up_to_the_limit(asked: Asked) -> None:
    assert output(request(asked, {"url": "/gzip/5", "method": "get"}))["data"] == "xxxxx"
    error = request(
        asked, {"url": "/gzip/5000000", "method": "get"}, limits=Limits(response_bytes=1_000_000)
    ).error

    assert error is not None
    assert error.kind == "MaxFileSizeExceededError"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="a;b \\"c\\".pdf"', 'a;b "c".pdf'),
        ("attachment; filename=plain.pdf", "plain.pdf"),
        ("attachment; filename=\"x.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf", "résumé.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename=".."', "file"),
        ("attachment", "there"),
    ],
)
def test_a_file_has_the_name_that_the_answer_says(
    asked: Asked, disposition: str, name: str
) -> None:
    url = f"/named/there?{urlencode({'disposition': disposition})}"
    for module in ("http:ActionGetFile", "http:DownloadFile"):
        found = output(request(asked, {"url": url, "method": "get"}, module))
        assert (found["fileName"], found["fileSize"]) == (name, 4)


@pytest.mark.parametrize(
    ("mapper", "kind", "body"),
    [
        (
            {
                "contentType": "json",
                "inputMethod": "jsonString",
                "jsonStringBodyContent": '{"a":1}',
            },
            "application/json",
            '{"a":1}',
        ),
        (
            {
                "contentType": "json",
                "inputMethod": "dataStructure",
                "dataStructureBodyContent": {"a": {"b": ["c"]}},
            },
            "application/json",
            '{"a": {"b": ["c"]}}',
        ),
        (
            {"contentType": "urlEncoded", "urlEncodedBodyContent": [{"name": "a", "value": "1 2"}]},
            "application/x-www-form-urlencoded",
            "a=1+2",
        ),
        (
            {"contentType": "custom", "customContentType": "text/csv", "customBodyContent": "a,b"},
            "text/csv",
            "a,b",
        ),
    ],
    ids=lambda value: value["contentType"] if isinstance(value, dict) else "",
)
def test_version_4_sends_a_body_as_its_type_says(
    asked: Asked, mapper: dict[str, Any], kind: str, body: str
) -> None:
    more = {"url": "/", "method": "post", "queryParameters": [{"name": "q", "value": "1"}]}
    output(request(asked, {**more, **mapper}, "http:MakeRequest"))

    assert asked[0] == ("POST", "/?q=1", body)
    assert asked.headers[0]["content-type"] == kind


def test_version_4_uploads_files(asked: Asked) -> None:
    fields = [
        {"name": "a", "value": "1", "multipartFieldType": "text"},
        {"name": "f", "fileName": "n.txt", "data": "text", "multipartFieldType": "file"},
    ]
    mapper = {"url": "/", "method": "post", "contentType": "multipart"}
    output(request(asked, {**mapper, "multipartBodyContent": fields}, "http:MakeRequest"))

    assert 'name="a"\r\n\r\n1\r\n' in asked[0][2]
    assert 'name="f"; filename="n.txt"' in asked[0][2]


@pytest.mark.parametrize(
    "parameters",
    [{"tlsType": "mTls"}, {"proxyKeychain": 7}, {"authenticationType": "awsSignature"}],
)
def test_what_cannot_be_sent_as_it_is_meant_is_not_sent(
    asked: Asked, parameters: dict[str, Any]
) -> None:
    error = request(asked, {"url": "/", "method": "get"}, "http:MakeRequest", parameters).error

    assert error is not None
    assert error.kind == "InvalidConfigurationError"
    assert asked == []


@pytest.mark.parametrize(
    ("module", "parameters", "secrets"),
    [
        ("http:ActionSendDataBasicAuth", {"auth": 1}, ("s3cret-word", "YW5uOnMzY3JldC13b3Jk")),
        ("http:ActionSendDataAPIKeyAuth", {"auth": 2}, ("K-123456",)),
        ("http:ActionSendDataAPIKeyAuth", {"auth": 3}, ("K-123456",)),
        ("http:ActionSendDataOAuth", {"__IMTCONN__": 4}, ("T0KEN", "mine-only")),
    ],
)
@pytest.mark.parametrize("keeps", [True, False])
def test_a_server_that_echoes_a_secret_does_not_make_us_tell_it(
    asked: Asked, module: str, parameters: dict[str, Any], secrets: tuple[str, ...], keeps: bool
) -> None:
    """In errors and what handlers see of them, warnings, and reasons of incomplete executions."""
    handler = [
        {"id": 8, "module": "util:ComposeTransformer", "mapper": {"value": "{{2.error.message}}"}},
        {
            "id": 9,
            "module": "json:ParseJSON",
            "mapper": {"json": "{{2.error.message}}"},
            "onerror": [],
        },
    ]
    sent = {
        "id": 2,
        "module": module,
        "parameters": {**parameters, "handleErrors": True},
        "mapper": {"url": f"{asked.url}/echo/503", "method": "get", "parseResponse": True},
        "onerror": [] if keeps else handler,
    }
    blueprint = {
        "name": "echo",
        "flow": [{"id": 1, "module": "gateway:CustomWebHook"}, sent],
        "metadata": {"scenario": {"dlq": keeps}},
    }
    connections = {**CONNECTIONS, "4": {**OAUTH, "token_url": f"{asked.url}/token"}}
    services = Services(allowed_hosts=[asked.host], connections=connections)
    result = run(blueprint, services, given=[{}], trace=True)

    if keeps:
        assert [each.kind for each in result.incomplete] == ["ConnectionError"]
    else:
        assert result.error is not None
        assert result.error.kind == "DataError"
    told = repr(result) + repr([each.cause for each in result.incomplete])
    told += repr(result.error and (result.error.cause, result.error.cause.why))
    assert "/echo/503" in told
    assert not [secret for secret in secrets if secret in told]
