"""Ad performance, and calls of any other endpoint."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from segconnect.modules.base import Collection, Module, Option, filled, optional, required
from segconnect.modules.values import AS_LIST, Figure, Json, Pairs, Text
from segconnect.types import Cents, Day, Id
from segconnect.wire.request import Address, Request

AD_DOCS = "rest/_ads.md"


class Named(Collection):
    """An ad, ad set or ad campaign: its ID and its name."""

    id: Id = required("ID", "The ID of the ad, ad set or ad campaign.")
    name: Text | None = optional("Name", "Its name; it is created, or renamed, with this name.")


def _as_named(value: Any) -> Any:
    is_id = isinstance(value, (str, int)) and not isinstance(value, bool)
    return {"id": value} if is_id else value


NamedRef = Annotated[Named, BeforeValidator(_as_named)]
"""An ad, ad set or ad campaign by its ID alone, or with its name."""

Many = Annotated[list[NamedRef], AS_LIST]


class RecordAdPerformance(Module):
    """Records what an ad did on one day; the same ad and day again replaces the figures.

    The import API takes one ad a call, so each of several ads is a call of its own, with the same
    day and figures: they are figures of each ad, not of all together. The first ad goes with the
    first campaign and the first ad set, and so on; a single campaign or ad set goes with every ad.
    """

    label = "Record Ad Performance"
    group = "Other"
    endpoint = "POST ad/performance"
    keyed_by = ()
    example = filled(
        ad=[{"id": "A1", "name": "Spring Tea, video"}],
        adcampaign=[{"id": "C1", "name": "Spring"}],
        adset=[{"id": "G1", "name": "Tea lovers"}],
        spend=1999,
        date="2026-03-02",
        impressions=1500,
        clicks=42,
    )

    ad: Annotated[Many, Field(min_length=1)] = required(
        "AD", "The ads, each with ID and Name; the figures are recorded for each.", flag="ad"
    )
    adcampaign: Many | None = optional(
        "AD Campaign", "The ads' campaigns: one for all ads, or one for each.", flag="adcampaign"
    )
    adset: Many | None = optional(
        "AD Set", "The ads' ad sets: one for all ads, or one for each.", flag="adset"
    )
    spend: Cents = required("AD Spend", "What was spent on the ad on that day, in cents.")
    date: Day = required("Date", "The day that the figures are for.")
    impressions: Figure | None = optional("Impressions", "How often the ad was shown on that day.")
    clicks: Figure | None = optional("Clicks", "How often it was clicked on that day.")

    def check(self) -> list[str]:
        """Refuses campaigns or ad sets that cannot be paired with the ads."""
        count = len(self.ad)
        problems = []
        for name in ("adcampaign", "adset"):
            given = len(getattr(self, name) or ())
            if given not in (0, 1, count):
                problems.append(
                    f"{self.facts()[name].label}: {given} given for {count} ads;"
                    " give one for all ads, or one for each"
                )
        return problems

    def keys(self) -> tuple[str, ...]:
        """Answers the ads, ad sets and campaigns: their names must arrive in order."""
        return tuple(
            f"{name}:{named.id}"
            for name in ("ad", "adset", "adcampaign")
            for named in getattr(self, name) or ()
        )

    def requests(self, address: Address) -> list[Request]:
        """Answers one request for each ad, in order."""
        body = self.on_the_wire()
        ads = body.pop("ad")
        campaigns = _paired(body.pop("adcampaign", None), len(ads))
        adsets = _paired(body.pop("adset", None), len(ads))
        answer = []
        for ad, campaign, adset in zip(ads, campaigns, adsets, strict=True):
            one = {"ad": ad, "adcampaign": campaign, "adset": adset}
            given = {name: value for name, value in one.items() if value is not None}
            answer.append(self.request(address, {**given, **body}))
        return answer


def _paired(given: list[Any] | None, count: int) -> list[Any]:
    return [None] * count if not given else given * count if len(given) == 1 else given


class Method(Option):
    """An HTTP method, and what it is for."""

    GET = "GET", "GET"
    POST = "POST", "POST"
    PUT = "PUT", "PUT"
    PATCH = "PATCH", "PATCH"
    DELETE = "DELETE", "DELETE"


_PLACEHOLDER = re.compile(r"{{\s*connection\.(accountId|integrationId)\s*}}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset(
    (
        *("authorization", "proxy-authorization", "host"),
        *("content-length", "content-encoding", "transfer-encoding", "trailer", "te"),
        *("connection", "keep-alive", "proxy-connection", "upgrade", "expect"),
    )
)


def _escapes(url: str) -> list[str]:
    """Says how a URL could lead out of the API root, however often a server would decode it."""
    if not url.strip():
        return ["is empty; give a path below the API root, such as /v1/..."]
    plain = url
    while (decoded := unquote(plain)) != plain:
        plain = decoded
    problems = []
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", plain):
        problems.append("holds a control character or line break")
    elif re.search(r"\s", url):
        problems.append("holds a blank; write it as %20")
    if re.match(r"[/\\]{2}", plain) or "\\" in plain:
        problems.append("begins a host name; give a path below the API root, such as /v1/...")
    elif _is_absolute(url):
        problems.append("is absolute; give a path below the API root, such as /v1/...")
    elif "@" in plain.partition("?")[0].partition("/")[0]:
        problems.append("begins with user info ('@'); give a path such as /v1/...")
    if set(re.split(r"[/\\]", plain.partition("?")[0])) & {"..", "."}:
        problems.append("climbs with '..' or '.'; give the path itself")
    if "#" in url:
        problems.append("holds a '#', which no server sees; write it as %23")
    if re.search(r"[{}]", url):
        problems.append(
            "holds an unknown {{...}}; known are {{connection.accountId}} and"
            " {{connection.integrationId}}"
        )
    return problems


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as a bracket that opens an IPv6 address
        return True
    return bool(parts.scheme or parts.netloc)


def _below_the_root(url: str) -> str:
    problems = _escapes(_PLACEHOLDER.sub("x", url))
    if problems:
        raise ValueError("; ".join(problems))
    return url


RelativeUrl = Annotated[Text, AfterValidator(_below_the_root)]
"""A path below the API root, with a query or without."""


class MakeApiCall(Module):
    """Performs an arbitrary authorized API call.

    Authorization is added by segconnect and cannot be overridden, and the URL stays below the API
    root, so the key never leaves for another host. The output is status code, headers and body.
    """

    label = "Make an API Call"
    group = "Other"
    endpoint = ""
    idempotent = False
    keyed_by = ()
    example = filled(
        url="/v1/{{connection.accountId}}/{{connection.integrationId}}/contact",
        method="GET",
        query={"email": "joey@bloggs.com"},
    )

    url: RelativeUrl = required(
        "URL",
        "A path below the API root, such as"
        " /v1/{{connection.accountId}}/{{connection.integrationId}}/contact.",
    )
    method: Method = required("Method", "The HTTP method.")
    headers: Pairs | None = optional(
        "Headers", "Further request headers; authorization is added.", flag="header"
    )
    query: Pairs | None = optional("Query String", "The request's query string.", flag="query")
    body: Json = optional("Body", "The body: JSON, or a text that is sent as it is.")

    def check(self) -> list[str]:
        """Refuses whatever could carry the key to another host, or smuggle a second request."""
        problems = []
        for name, value in (self.headers or {}).items():
            if not _TOKEN.fullmatch(name):
                problems.append(f"Headers: {name!r} is not a header's name")
            elif name.lower() in _OURS:
                problems.append(f"Headers: {name} is set by segconnect; leave it out")
            if value is not None and not _VALUE.fullmatch(_text(value)):
                problems.append(
                    f"Headers: the value of {name!r} holds a line break, a control character or"
                    " one that headers do not have"
                )
        names = [name for name, _ in parse_qsl(self.url.partition("?")[2], keep_blank_values=True)]
        names += [name for name, value in (self.query or {}).items() if value is not None]
        problems += [
            f"Query String: {name!r} is given {names.count(name)} times; give it once"
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        return problems

    def requests(self, address: Address) -> list[Request]:
        """Answers the request, with the connection's IDs in the URL's places for them."""
        ids = {"accountId": address.account_id, "integrationId": address.integration_id}
        path, _, query = _PLACEHOLDER.sub(
            lambda match: quote(ids[match.group(1)], safe=""), self.url
        ).partition("?")
        method = self.method.value
        return [
            Request(
                method=method,
                path="/" + quote(path.lstrip("/"), safe=_PATH_SAFE),
                label=self.label,
                body=self.body,
                idempotent=method in ("GET", "PUT", "DELETE"),
                query={
                    **dict(parse_qsl(query, keep_blank_values=True)),
                    **{k: _text(v) for k, v in (self.query or {}).items() if v is not None},
                },
                headers={k: _text(v) for k, v in (self.headers or {}).items() if v is not None},
            )
        ]


_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
