"""Ad performance, and calls of any other endpoint."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BeforeValidator, Field

from segconnect.errors import InvalidBundleError
from segconnect.modules.base import Collection, Module, Option, optional, required
from segconnect.types import MAX_CENTS, Cents, Day, Id
from segconnect.wire.request import Address, Request

AD_DOCS = "rest/_ads.md"


def _as_list(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) or value is None else [value]


class Named(Collection):
    """An ad, ad set or ad campaign: its ID and its name."""

    id: Id = required("ID", "The ID.")
    name: str | None = optional("Name", "The name; it creates or renames the object.")


Many = Annotated[list[Named], BeforeValidator(_as_list)]
Figure = Annotated[int, Field(ge=0, le=MAX_CENTS)]


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

    ad: Many = required("AD", "The ads; the figures are recorded for each.", flag="ad")
    adcampaign: Many | None = optional("AD Campaign", "The ads' campaigns.", flag="adcampaign")
    adset: Many | None = optional("AD Set", "The ads' ad sets.", flag="adset")
    spend: Cents = required("AD Spend", "What was spent on the ad on that day, in cents.")
    date: Day = required("Date", "The day that the figures are for.")
    impressions: Figure | None = optional("Impressions", "How often the ad was shown on that day.")
    clicks: Figure | None = optional("Clicks", "How often it was clicked on that day.")

    def check(self) -> list[str]:
        """Refuses campaigns or ad sets that cannot be paired with the ads."""
        count = len(self.ad)
        problems = [] if count else ["AD: missing: give at least one"]
        for name in ("adcampaign", "adset"):
            given = len(getattr(self, name) or ())
            if count and given not in (0, 1, count):
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


Pairs = dict[str, str | int | float | bool | None]
_PLACEHOLDER = re.compile(r"{{\s*connection\.(accountId|integrationId)\s*}}")
_OURS = ("authorization", "proxy-authorization", "host", "content-length", "transfer-encoding")


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

    url: str = required(
        "URL",
        "A path below the API root, such as"
        " /v1/{{connection.accountId}}/{{connection.integrationId}}/contact.",
    )
    method: Method = required("Method", "The HTTP method.")
    headers: Pairs | None = optional("Headers", "Further request headers.", flag="header")
    query: Pairs | None = optional("Query String", "The request's query string.", flag="query")
    body: Any = optional("Body", "The body: JSON, or a text that is sent as it is.")

    def check(self) -> list[str]:
        """Refuses whatever could carry the key to another host, or smuggle a second request."""
        problems = [f"URL: {why}" for why in _escapes(self.url)]
        for name, value in (self.headers or {}).items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                problems.append(f"Headers: {name!r} is not a header's name")
            elif name.lower() in _OURS:
                problems.append(f"Headers: {name} is set by segconnect; leave it out")
            if not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", str(value)):
                problems.append(
                    f"Headers: the value of {name} holds a line break or control character"
                )
        return problems

    def requests(self, address: Address) -> list[Request]:
        """Answers the request, with the connection's IDs in the URL's places for them."""
        ids = {"accountId": address.account_id, "integrationId": address.integration_id}
        path, _, query = _PLACEHOLDER.sub(lambda m: ids[m.group(1)], self.url).partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True))
        given |= {k: _text(v) for k, v in (self.query or {}).items() if v is not None}
        why = _escapes(path)
        if why:  # an ID of the connection that is not one
            raise InvalidBundleError(self.label, [f"URL: {each}" for each in why])
        method = self.method.value
        return [
            Request(
                method=method,
                path="/" + path.lstrip("/"),
                label=self.label,
                body=self.body,
                idempotent=method in ("GET", "PUT", "DELETE"),
                query=given,
                headers={k: _text(v) for k, v in (self.headers or {}).items() if v is not None},
            )
        ]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escapes(url: str) -> list[str]:
    """Says how a URL could lead out of the API root, even once a server has decoded it twice."""
    plain = unquote(unquote(url))
    problems = []
    if not url.strip():
        return ["is empty"]
    if re.search(r"[\x00-\x20\x7f]", plain) and not _PLACEHOLDER.search(url):
        problems.append("holds a blank or control character")
    elif re.search(r"[\x00-\x1f\x7f]", plain):
        problems.append("holds a control character")
    if url.startswith("//") or "\\" in plain or plain.startswith("//"):
        problems.append("begins a host name; give a path below the API root, such as /v1/...")
    try:
        parts = urlsplit(url)
        absolute = bool(parts.scheme or parts.netloc)
    except ValueError:
        absolute = True
    if absolute:
        problems.append("is absolute; give a path below the API root, such as /v1/...")
    if ".." in re.split(r"[/\\]", plain.partition("?")[0]):
        problems.append("climbs with '..'; give the path itself")
    if "#" in plain or "@" in plain.partition("?")[0].partition("/")[0]:
        problems.append("holds a part that no path has ('#' or '@')")
    return problems
