"""HTTP: make a request, with sign-in or without, and get a file."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from segconnect.mapping import UnusableError
from segconnect.mapping.paths import reached, steps_of
from segconnect.mapping.values import to_array, to_boolean, to_number, to_text
from segconnect.scenario.engine.apps.json import read_json
from segconnect.scenario.engine.apps.xml import read_xml
from segconnect.scenario.engine.errors import ModuleError, invalid
from segconnect.scenario.engine.fetching import default_fetch, fetch_following, header, late
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Parameters,
    Values,
    module,
    option,
)
from segconnect.scenario.engine.sending import Pairs, body_of, pairs_of, url_of
from segconnect.scenario.engine.services import FetchRequest, FetchResponse

LONGEST = 300  # seconds
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REPEATABLE = frozenset(("GET", "HEAD", "PUT", "DELETE", "OPTIONS"))
MOST_PAGES = 100

_SECONDS = re.compile(r"[0-9]{1,6}")
_FILE_NAME = re.compile(
    r";\s*filename(?P<coded>\*)?\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<bare>[^;\s]+))",
    re.IGNORECASE,
)


# what is sent


def _seconds(call: Call, parameters: Parameters, values: Values) -> float:
    value = option(parameters, values, "timeout")
    if value is None:
        return call.services.limits.module_seconds
    try:
        seconds = to_number(value)
    except UnusableError:
        raise invalid(["Invalid number in parameter 'timeout'."]) from None
    if not 1 <= seconds <= LONGEST:
        raise invalid([f"Invalid number in parameter 'timeout': 1 to {LONGEST} seconds."])
    return float(seconds)


# sign-in


def basic(user: Any, password: Any) -> str:
    """The Authorization header of a user name and a password."""
    both = f"{to_text(user)}:{to_text(password)}".encode()
    return f"Basic {b64encode(both).decode()}"


def _first(connection: Mapping[str, Any], *names: str) -> Any:
    return next((connection[name] for name in names if connection.get(name) is not None), None)


def _sign_in(
    call: Call, kind: str, parameters: Parameters, values: Values, headers: Pairs, query: Pairs
) -> None:
    """Adds what signs the request in, to its headers or its query."""
    if kind == "none":
        user, password = values.get("authUser"), values.get("authPass")
        if user is not None or password is not None:
            headers.append(("Authorization", basic(user, password)))
        return
    names = ("auth", "key", "apiKeyKeychain", "basicAuthKeychain", "oAuthKeychain", "__IMTCONN__")
    connection = call.services.connection(parameters, *names, "account")
    if kind == "basic":
        user = _first(connection, "user", "username", "login")
        headers.append(("Authorization", basic(user, _first(connection, "password", "pass"))))
    elif kind == "api_key":
        key = to_text(_first(connection, "key", "apiKey", "api_key", "value"))
        name = to_text(_first(connection, "name", "parameterName", "header")) or "Authorization"
        in_query = to_text(_first(connection, "placement", "in")).lower() in ("query", "qs")
        (query if in_query else headers).append((name, key))
    else:
        headers.append(("Authorization", f"Bearer {_token(call, connection)}"))


def _token(call: Call, connection: Mapping[str, Any]) -> str:
    """The access token of a connection: its own, or one by its client credentials."""
    own = _first(connection, "access_token", "accessToken", "token")
    if own is not None:
        return to_text(own)
    url = to_text(_first(connection, "token_url", "tokenUrl", "tokenUri"))
    client = to_text(_first(connection, "client_id", "clientId"))
    secret = to_text(_first(connection, "client_secret", "clientSecret"))
    kept = call.state.tokens
    key = f"{url} {client}"
    if key not in kept:
        form = {"grant_type": "client_credentials"}
        scope = _first(connection, "scope", "scopes")
        if scope is not None:
            form["scope"] = " ".join(map(to_text, to_array(scope)))
        request = FetchRequest(
            "POST",
            url,
            [
                ("Authorization", basic(quote(client, safe=""), quote(secret, safe=""))),
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Accept", "application/json"),
            ],
            urlencode(form).encode(),
            call.services.limits.module_seconds,
            1_000_000,
        )
        response, _ = _fetched(call, request, follows=False, follows_all=False)
        told = read_json(response.body.decode("utf-8", "replace")) if response.status == 200 else {}
        token = told.get("access_token") if isinstance(told, Mapping) else None
        if not isinstance(token, str):
            raise ModuleError(
                "InvalidAccessTokenError", f"[{response.status}] the sign-in gave no access token"
            )
        kept[key] = token
        call.state.secrets.append(token)
    return kept[key]


# sending


def _fetched(
    call: Call, request: FetchRequest, *, follows: bool, follows_all: bool
) -> tuple[FetchResponse, str]:
    services = call.services
    return fetch_following(
        services.fetch or default_fetch,
        request,
        services.allowed_hosts,
        follows=follows,
        follows_all=follows_all,
    )


def _check_transport(parameters: Parameters, values: Values) -> None:
    """Refuses what would be sent in another way than the blueprint says."""
    if to_boolean(option(parameters, values, "useMtls")) or (
        str(option(parameters, values, "tlsType") or "").lower() == "mtls"
    ):
        raise ModuleError(
            "InvalidConfigurationError", "signing in with a client certificate is not supported"
        )
    if option(parameters, values, "proxyKeychain") is not None:
        raise ModuleError("InvalidConfigurationError", "sending through a proxy is not supported")


def _send(
    call: Call, parameters: Parameters, values: Values, sign_in: str, query_name: str
) -> tuple[FetchResponse, str]:
    _check_transport(parameters, values)
    method = to_text(values.get("method") or "get").upper()
    if method not in METHODS:
        raise invalid([f"Value '{method[:20]}' is not allowed in parameter 'method'."])
    headers = pairs_of(values.get("headers"), "headers")
    query = pairs_of(values.get(query_name), query_name)
    _sign_in(call, sign_in, parameters, values, headers, query)
    body, kind = (
        body_of(values) if method not in ("GET", "HEAD") or _has_body(values) else (None, "")
    )
    if kind and not header(headers, "content-type"):
        headers.append(("Content-Type", kind))
    url = url_of(values, query)
    shares = to_boolean(option(parameters, values, "shareCookies"))
    jar = call.state.cookies.setdefault(urlsplit(url).hostname or "", {}) if shares else {}
    if jar:
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in jar.items())))
    verify = option(parameters, values, "rejectUnauthorized")
    follows = option(parameters, values, "followRedirect")
    every = option(parameters, values, "allowRedirects")
    request = FetchRequest(
        method,
        url,
        headers,
        body,
        _seconds(call, parameters, values),
        call.services.limits.response_bytes,
        verify=verify is None or to_boolean(verify),
    )
    response, last = _fetched(
        call,
        request,
        follows=(follows is None or to_boolean(follows)) and (every is None or to_boolean(every)),
        follows_all=to_boolean(option(parameters, values, "followAllRedirects", every)),
    )
    for name, value in response.headers:
        if shares and name.lower() == "set-cookie" and "=" in value:
            key, _, rest = value.partition("=")
            jar[key.strip()] = rest.partition(";")[0].strip()
    return response, last


def _has_body(values: Values) -> bool:
    return any(values.get(name) is not None for name in ("data", "jsonStringBodyContent"))


# what comes back


def _read(response: FetchResponse, parses: bool) -> Any:
    """The answer's body: parsed if that is asked for and can be, a text, or a buffer."""
    kind = header(response.headers, "content-type").lower()
    charset = kind.partition("charset=")[2].partition(";")[0].strip("\"' ") or "utf-8"
    if not response.body:
        return None if parses else ""
    try:
        text = response.body.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return response.body
    if parses and ("json" in kind or (not kind and text.lstrip()[:1] in ("{", "["))):
        try:
            return read_json(text)
        except ModuleError:
            return text
    if parses and "xml" in kind and "xhtml" not in kind:
        try:
            return read_xml(response.body)
        except ModuleError:
            return text
    texts = ("text/", "json", "xml", "javascript", "urlencoded")
    return text if not kind or any(word in kind for word in texts) else response.body


def _output(response: FetchResponse, parses: bool) -> Bundle:
    return {
        "statusCode": response.status,
        "headers": [{"name": name, "value": value} for name, value in response.headers],
        "data": _read(response, parses),
    }


def failed(status: int, headers: Sequence[tuple[str, str]], data: Any) -> ModuleError:
    """Makes the error of an answer that says that the request failed."""
    kind = "RuntimeError"
    if status == 429:
        kind = "RateLimitError"
    elif status in (502, 503, 504):
        kind = "ConnectionError"
    told = data.get("message", data.get("error")) if isinstance(data, Mapping) else data
    words = "" if isinstance(told, bytes) else to_text(told).strip()[:300]
    asked = header(headers, "retry-after")
    return ModuleError(
        kind,
        f"[{status}] {words or 'the server says that the request failed'}",
        detail={"statusCode": status, "data": data},
        delay=float(asked) if _SECONDS.fullmatch(asked) else None,
    )


def _checked_output(response: FetchResponse, parses: bool, is_strict: bool) -> Bundle:
    output = _output(response, parses)
    if is_strict and response.status >= 400:
        raise failed(response.status, response.headers, output["data"])
    return output


# modules


def _request(call: Call, parameters: Parameters, values: Values, sign_in: str) -> Bundle:
    response, _ = _send(call, parameters, values, sign_in, "qs")
    parses = to_boolean(option(parameters, values, "parseResponse"))
    return _checked_output(response, parses, to_boolean(option(parameters, values, "handleErrors")))


def _acts(parameters: Parameters, values: Values) -> bool:
    """Whether a request may have an effect each time that it is sent. Source: RFC 9110, 9.2."""
    return to_text(values.get("method") or "get").upper() not in REPEATABLE


@module("http:ActionSendData", versions=(2, 3), once=_acts)
def send_data(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes a request."""
    return _request(call, parameters, values, "none")


@module("http:ActionSendDataBasicAuth", versions=(2, 3), once=_acts)
def send_data_basic(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes a request signed in with user name and password."""
    return _request(call, parameters, values, "basic")


@module("http:ActionSendDataAPIKeyAuth", versions=(2, 3), once=_acts)
def send_data_api_key(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes a request signed in with an API key, in a header or in the query."""
    return _request(call, parameters, values, "api_key")


@module("http:ActionSendDataOAuth", versions=(2, 3), once=_acts)
def send_data_oauth(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes a request signed in with an access token, or with client credentials."""
    return _request(call, parameters, values, "oauth")


@module("http:ActionGetFile", versions=(2, 3))
def get_file(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Gets a file."""
    sent = _send(call, parameters, values, "none", "qs")
    return _file(*sent, option(parameters, values, "handleErrors"))


@module("http:DownloadFile", versions=(4,))
def download_file(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Downloads a file."""
    sent = _send(call, parameters, values, _sign_in_of(parameters), "queryParameters")
    return _file(*sent, option(parameters, values, "stopOnHttpError"))


def _file(response: FetchResponse, url: str, strict: Any) -> Bundle:
    if response.status >= 400 and (strict is None or to_boolean(strict)):
        raise failed(response.status, response.headers, _read(response, parses=True))
    return {
        "statusCode": response.status,
        "headers": [{"name": name, "value": value} for name, value in response.headers],
        "fileName": _file_name(header(response.headers, "content-disposition"), url),
        "fileSize": len(response.body),
        "data": response.body,
    }


def _file_name(disposition: str, url: str) -> str:
    found = {}
    for each in _FILE_NAME.finditer(f";{disposition}"):
        quoted, bare = each["quoted"], each["bare"]
        text = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        found[bool(each["coded"])] = unquote(text.partition("''")[2]) if each["coded"] else text
    return _base(found.get(True) or found.get(False) or unquote(urlsplit(url).path))


def _base(path: str) -> str:
    name = path.replace("\\", "/").rpartition("/")[2].strip()
    return name if name.strip(".") else "file"


SIGN_INS = {
    "": "none",
    "noAuth": "none",
    "apiKey": "api_key",
    "basicAuth": "basic",
    "oAuth": "oauth",
}


def _sign_in_of(parameters: Parameters) -> str:
    kind = str(parameters.get("authenticationType") or "")
    if kind not in SIGN_INS:  # it must not be sent without signing in
        raise ModuleError(
            "InvalidConfigurationError", f"authenticationType {kind[:40]!r} is not known here"
        )
    return SIGN_INS[kind]


@module("http:MakeRequest", versions=(4,), once=_acts)
def make_request(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Makes a request, or one for each page; each page is a bundle."""
    sign_in = _sign_in_of(parameters)
    stops = option(parameters, values, "stopOnHttpError")
    parses = to_boolean(option(parameters, values, "parseResponse"))
    kind = str(option(parameters, values, "paginationType") or "")
    began = time.monotonic()
    for page in range(MOST_PAGES):
        if time.monotonic() - began > LONGEST:
            raise late(LONGEST)
        response, url = _send(call, parameters, values, sign_in, "queryParameters")
        output = _checked_output(response, parses, stops is None or to_boolean(stops))
        yield output
        following = _next_page(kind, parameters, values, output["data"], url, page)
        if following is None:
            return
        values = following


def _next_page(
    kind: str, parameters: Parameters, values: Values, data: Any, url: str, page: int
) -> Values | None:
    """The fields of the request for the next page; None after the last one."""

    def told(name: str, default: Any = None) -> Any:
        return option(parameters, values, name, default)

    if not kind or page + 1 >= int(to_number(told("maxPages", MOST_PAGES))):
        return None
    items = _reached(data, told("itemsPath"))
    if kind == "urlBased":
        link = _reached(data, told("nextUrlPath", "next"))
        return {**values, "url": to_text(link), "queryParameters": []} if link else None
    if kind == "tokenBased":
        token = _reached(data, told("tokenPath", "nextPageToken"))
        return _with_query(values, told("tokenParameter", "pageToken"), token) if token else None
    if not isinstance(items, list) or not items:
        return None
    if kind == "pageBased":
        first = int(to_number(told("firstPage", 1)))
        return _with_query(values, told("pageParameter", "page"), first + page + 1)
    limit = int(to_number(told("limit", len(items))))
    if kind != "offsetBased" or len(items) < limit:
        return None
    return _with_query(values, told("offsetParameter", "offset"), limit * (page + 1))


def _reached(data: Any, path: Any) -> Any:
    return data if path is None else reached(data, steps_of(path))


def _with_query(values: Values, name: Any, value: Any) -> Values:
    query = [each for each in pairs_of(values.get("queryParameters"), "query") if each[0] != name]
    own = urlsplit(to_text(values.get("url")))
    kept = [each for each in parse_qsl(own.query, keep_blank_values=True) if each[0] != name]
    rows = [{"name": each, "value": text} for each, text in query]
    return {
        **values,
        "url": urlunsplit(own._replace(query=urlencode(kept))),
        "queryParameters": [*rows, {"name": to_text(name), "value": to_text(value)}],
    }
