"""RSS and Atom feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from segconnect.mapping import UnusableError
from segconnect.mapping.values import to_array, to_date, to_number, to_text
from segconnect.scenario.engine.apps.http import basic, failed
from segconnect.scenario.engine.apps.xml import read_xml
from segconnect.scenario.engine.errors import ModuleError, invalid, missing
from segconnect.scenario.engine.fetching import default_fetch, fetch_following
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Kind,
    Parameters,
    Values,
    module,
    option,
)
from segconnect.scenario.engine.services import FetchRequest


@module("rss:ActionReadArticles", kind=Kind.SEARCH, versions=(4,))
def read_articles(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Reads the articles of a feed, RSS or Atom, in its order."""
    least = _moment(call, values, "filterDateFrom")
    most = _moment(call, values, "filterDateTo")
    left = _count(option(parameters, values, "maxResults"))
    for article in _fetched(call, parameters, values):
        if not _is_between(article.get("dateCreated"), least, most):
            continue
        if left == 0:
            return
        left -= 1
        yield article


SEEN = 2_000  # articles that a trigger remembers


@module("rss:TriggerNewArticle", kind=Kind.TRIGGER, versions=(4,))
def watch_articles(call: Call, parameters: Parameters, values: Values) -> list[Bundle]:
    """Gives the articles of a feed that are new, the oldest first."""
    seen = list(call.cursor or [])
    known = set(seen)
    new: dict[str, Bundle] = {}
    for article in _fetched(call, parameters, values):
        mark = to_text(article.get("guid") or article.get("url") or article.get("title"))
        if mark not in known:
            new.setdefault(mark, article)
    oldest_first = list(reversed(new.items()))
    chosen = oldest_first[: _count(option(parameters, values, "maxResults"))]
    call.move_cursor([*seen, *(mark for mark, _ in chosen)][-SEEN:])
    return [article for _, article in chosen]


def _fetched(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    url = to_text(option(parameters, values, "url"))
    if not url:
        raise missing("url")
    services = call.services
    headers = [("Accept", "application/rss+xml, application/atom+xml, application/xml, text/xml")]
    if values.get("username") is not None:
        headers.append(("Authorization", basic(values["username"], values.get("password"))))
    request = FetchRequest(
        "GET", url, headers, None, services.limits.module_seconds, services.limits.response_bytes
    )
    response, _ = fetch_following(services.fetch or default_fetch, request, services.allowed_hosts)
    if response.status >= 400:
        raise failed(response.status, response.headers, None)
    for article in _articles(read_xml(response.body, keeps_numbers_as_text=True)):
        yield {name: item for name, item in article.items() if item not in (None, "")}


def _is_between(moment: Any, least: datetime | None, most: datetime | None) -> bool:
    if least is None and most is None:
        return True
    if not isinstance(moment, datetime):
        return False
    return (least is None or moment >= least) and (most is None or moment <= most)


def _count(value: Any) -> int:
    try:
        return 10 if value is None else int(to_number(value))
    except UnusableError:
        raise invalid(["Invalid number in parameter 'maxResults'."]) from None


def _moment(call: Call, values: Values, name: str) -> datetime | None:
    value = values.get(name)
    try:
        return None if value is None else to_date(value, call.context.zone)
    except UnusableError:
        raise invalid([f"Invalid date in parameter '{name}'."]) from None


def _articles(feed: dict[str, Any]) -> Iterator[Bundle]:
    root = next(iter(feed.values()), None)
    if not isinstance(root, Mapping):
        raise ModuleError("DataError", "the document is not a feed")
    name = next(iter(feed))
    if name == "feed":
        yield from (_atom(each) for each in to_array(root.get("entry")))
        return
    channel = next((each for each in to_array(root.get("channel"))), None)
    inner = channel if isinstance(channel, Mapping) else {}
    for item in [*to_array(inner.get("item")), *to_array(root.get("item"))]:
        if isinstance(item, Mapping):
            yield _rss(item)


def _text(item: Mapping[str, Any], *names: str) -> str:
    for name in names:
        for each in to_array(item.get(name)):
            found = each.get("_value") if isinstance(each, Mapping) else each
            if found not in (None, ""):
                return to_text(found)
    return ""


def _date(text: str) -> Any:
    try:
        return to_date(parsedate_to_datetime(text))
    except (TypeError, ValueError):
        pass
    try:
        return to_date(text) if text else None
    except UnusableError:
        return text


def _rss(item: Mapping[str, Any]) -> Bundle:
    return {
        "title": _text(item, "title"),
        "description": _text(item, "description", "content:encoded"),
        "summary": _text(item, "description"),
        "author": _text(item, "author", "dc:creator"),
        "url": _text(item, "link", "guid"),
        "guid": _text(item, "guid"),
        "dateCreated": _date(_text(item, "pubDate", "dc:date")),
        "dateUpdated": _date(_text(item, "atom:updated", "pubDate", "dc:date")),
        "categories": [to_text(each) for each in map(_inner, to_array(item.get("category")))],
    }


def _inner(each: Any) -> Any:
    if isinstance(each, Mapping):
        attributes = each.get("_attributes")
        named = attributes.get("term") if isinstance(attributes, Mapping) else None
        return each.get("_value", named)
    return each


def _atom(entry: Any) -> Bundle:
    if not isinstance(entry, Mapping):
        return {}
    links = [
        each["_attributes"]
        for each in to_array(entry.get("link"))
        if isinstance(each, Mapping) and isinstance(each.get("_attributes"), Mapping)
    ]
    chosen = [each for each in links if each.get("rel", "alternate") == "alternate"] or links
    author = next((each for each in to_array(entry.get("author"))), None)
    return {
        "title": _text(entry, "title"),
        "description": _text(entry, "content", "summary"),
        "summary": _text(entry, "summary"),
        "author": _text(author, "name") if isinstance(author, Mapping) else "",
        "url": to_text(chosen[0].get("href")) if chosen else "",
        "guid": _text(entry, "id"),
        "dateCreated": _date(_text(entry, "published", "updated")),
        "dateUpdated": _date(_text(entry, "updated", "published")),
        "categories": [to_text(each) for each in map(_inner, to_array(entry.get("category")))],
    }
