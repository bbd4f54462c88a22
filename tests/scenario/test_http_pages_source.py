"""Pages of an API: how the next one is asked for, what is new, and what to do when it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from segconnect.errors import (
    SegconnectError,
    SourceError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
)
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.services import FetchRequest, FetchResponse, Services
from segconnect.scenario.sources import Source, open_source

HERE = "http://192.0.2.1/orders"
FIVE = [{"id": number} for number in range(1, 6)]

Answer = Callable[[dict[str, str]], FetchResponse]


def answered(body: Any, status: int = 200, **headers: str) -> FetchResponse:
    return FetchResponse(status, list(headers.items()), json.dumps(body).encode())


class Api:
    """An API that answers by a function of the query, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.asked, self.pauses = answer, list[FetchRequest](), list[float]()
        self.now = 0.0

    def source(self, credentials: Any = None, **how: Any) -> Source:
        services = Services(
            fetch=self.fetch,
            allowed_hosts=["192.0.2.1"],
            sleep=self.sleep,
            monotonic=lambda: self.now,
        )
        find = None if credentials is None else lambda _: credentials
        return open_source("http-pages", {"url": HERE, **how}, Path(), services, find)

    def ids(self, **how: Any) -> list[int]:
        return [bundle.values["id"] for bundle in self.source(**how).bundles()]

    def queries(self) -> list[str]:
        return [urlsplit(request.url).query for request in self.asked]

    def fetch(self, request: FetchRequest) -> FetchResponse:
        self.asked.append(request)
        return self.answer(dict(parse_qsl(urlsplit(request.url).query)))

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def by_page(query: dict[str, str]) -> FetchResponse:
    first = (int(query["page"]) - 1) * 2
    return answered({"meta": {"total": 5}, "data": FIVE[first : first + 2]})


def by_offset(query: dict[str, str]) -> FetchResponse:
    first = int(query["offset"])
    return answered(FIVE[first : first + int(query["limit"])])


def by_token(query: dict[str, str]) -> FetchResponse:
    first = int(query.get("pageToken", 0))
    following = {"nextPageToken": first + 2} if first + 2 < 5 else {}
    return answered({"items": FIVE[first : first + 2], **following})


def by_link(query: dict[str, str]) -> FetchResponse:
    first = int(query.get("from", 0))
    links = f'<{HERE}?from=0>; rel="first", </orders?from={first + 2}>; rel="next"'
    return answered(FIVE[first : first + 2], Link=links if first + 2 < 5 else "")


def by_address(query: dict[str, str]) -> FetchResponse:
    first = int(query.get("from", 0))
    following = f"{HERE}?from={first + 2}" if first + 2 < 5 else None
    return answered({"paging": {"next": following}, "data": FIVE[first : first + 2]})


@pytest.mark.parametrize(
    ("answer", "how", "queries"),
    [
        (by_page, {"pagination": "page"}, ["page=1", "page=2", "page=3", "page=4"]),
        (
            by_offset,
            {"pagination": "offset", "page_size": 2},
            ["limit=2&offset=0", "limit=2&offset=2", "limit=2&offset=4", "limit=2&offset=5"],
        ),
        (by_token, {"pagination": "token"}, ["", "pageToken=2", "pageToken=4"]),
        (by_link, {"pagination": "link"}, ["", "from=2", "from=4"]),
        (
            by_address,
            {"pagination": "next", "next_path": "paging.next"},
            ["", "from=2", "from=4"],
        ),
    ],
)
def test_every_page_is_asked_for_and_a_run_goes_on_within_one(
    answer: Answer, how: dict[str, Any], queries: list[str]
) -> None:
    api = Api(answer)

    whole = list(api.source(**how).bundles())

    assert [bundle.values["id"] for bundle in whole] == [1, 2, 3, 4, 5]
    assert api.queries() == queries
    for number, bundle in enumerate(whole[:-1], 1):
        after = json.loads(json.dumps(bundle.cursor))
        rest = [each.values["id"] for each in api.source(**how).bundles(after)]
        assert rest == list(range(number + 1, 6))


def test_a_page_that_is_not_found_is_the_one_after_the_last() -> None:
    def answer(query: dict[str, str]) -> FetchResponse:
        return answered(FIVE) if query["page"] == "1" else answered({}, 404)

    assert Api(answer).ids(pagination="page") == [1, 2, 3, 4, 5]


def test_one_page_is_the_usual() -> None:
    assert Api(lambda _: answered(FIVE)).ids() == [1, 2, 3, 4, 5]


def growing(items: list[dict[str, Any]]) -> Answer:
    def answer(query: dict[str, str]) -> FetchResponse:
        since = query.get("since", "")
        return answered([item for item in items if item["at"] >= since])

    return answer


def test_a_later_run_asks_for_what_is_new_and_gives_nothing_twice() -> None:
    items = [{"id": 1, "at": "2026-09-01"}, {"id": 2, "at": "2026-09-02"}]
    api = Api(growing(items))
    how = {"since_parameter": "since", "since_field": "at", "since_start": "2026-01-01"}
    *_, last = api.source(**how).bundles()

    items += [{"id": 3, "at": "2026-09-02"}, {"id": 4, "at": "2026-09-03"}]
    new = list(api.source(**how).bundles(last.cursor))
    newest = list(api.source(**how).bundles(new[-1].cursor))

    assert [each.values["id"] for each in new] == [3, 4]
    assert newest == []
    assert api.queries() == ["since=2026-01-01", "since=2026-09-02", "since=2026-09-03"]


def in_turn(*answers: FetchResponse | Exception) -> Answer:
    turns: Iterator[FetchResponse | Exception] = iter(answers)

    def answer(query: dict[str, str]) -> FetchResponse:
        turn = next(turns)
        if isinstance(turn, Exception):
            raise turn
        return turn

    return answer


BUSY = answered({}, 429, **{"Retry-After": "7"})
AWAY = ModuleError("ConnectionError", "192.0.2.1 cannot be reached")


def test_an_answer_that_may_come_later_is_waited_for() -> None:
    api = Api(in_turn(BUSY, answered({}, 503), AWAY, answered(FIVE)))

    assert api.ids() == [1, 2, 3, 4, 5]
    assert api.pauses == [7, 4, 8]


@pytest.mark.parametrize(
    ("answers", "error", "reason"),
    [
        ([BUSY] * 5, ThrottledError, "asks for a pause (429 Too Many Requests)"),
        (
            [answered({}, 429, **{"Retry-After": "3600"})],
            ThrottledError,
            "asks for a pause (429 Too Many Requests)",
        ),
        ([AWAY] * 5, UnreachableError, "192.0.2.1 cannot be reached"),
        ([answered({}, 401)], UnauthorizedError, "does not accept the credentials (401"),
        ([answered({}, 404)], SourceError, "refused the request (404 Not Found)"),
        ([FetchResponse(200, (), b"<html>")], SourceError, "the answer is not JSON: '<html>'"),
        ([answered({"a": 1, "b": 2})], SourceError, "the answer has no array as the only one"),
        ([answered({"a": [], "b": []})], SourceError, "as the only one; say 'items'; it has a, b"),
    ],
)
def test_an_answer_that_does_not_help_says_so(
    answers: list[Any], error: type[SegconnectError], reason: str
) -> None:
    with pytest.raises(error) as caught:
        Api(in_turn(*answers)).ids()

    assert str(caught.value).startswith("192.0.2.1: ")
    assert reason in str(caught.value)


def test_an_api_that_does_not_know_the_parameter_is_not_asked_for_ever() -> None:
    with pytest.raises(SourceError, match="a page is the same as the one before it"):
        Api(lambda _: answered(FIVE)).ids(pagination="page")


@pytest.mark.parametrize("link", ["http://192.0.2.7/orders", "https://example.com/orders?a=b"])
def test_credentials_are_not_taken_to_another_server(link: str) -> None:
    with pytest.raises(SourceError, match="the next page is on another server"):
        Api(lambda _: answered({"next": link, "data": FIVE})).ids(pagination="next")


def test_a_private_address_is_refused_unless_it_is_allowed() -> None:
    source = open_source("http-pages", {"url": "http://127.0.0.1/"}, Path())

    with pytest.raises(SourceError, match="an address of a private network"):
        list(source.bundles())


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({"token": "t"}, ("Authorization", "Bearer t")),
        ({"user": "joey", "password": "p"}, ("Authorization", "Basic am9leTpw")),
        ({"key": "k", "name": "X-Key"}, ("X-Key", "k")),
    ],
)
def test_credentials_sign_requests_in(credentials: dict[str, str], header: tuple[str, str]) -> None:
    api = Api(lambda _: answered(FIVE))

    api.ids(credentials=credentials, connection="shop")

    assert header in api.asked[0].headers


def test_a_key_in_the_query_is_in_no_cursor() -> None:
    def answer(query: dict[str, str]) -> FetchResponse:
        first = int(query.get("from", 0))
        following = f"{HERE}?access_token={query['access_token']}&from={first + 2}"
        return answered({"next": following if first < 4 else "", "data": FIVE[first : first + 2]})

    api = Api(answer)
    key = {"key": "k3y", "name": "access_token", "placement": "query"}

    whole = list(api.source(key, connection="shop", pagination="next").bundles())

    assert api.queries() == [
        "access_token=k3y",
        "from=2&access_token=k3y",
        "from=4&access_token=k3y",
    ]
    assert len(whole) == 5
    assert "k3y" not in json.dumps([bundle.cursor for bundle in whole])


def test_requests_keep_the_pace_that_is_set() -> None:
    api = Api(by_page)

    api.ids(pagination="page", requests_per_minute=120)

    assert api.pauses == [0.5, 0.5, 0.5]
