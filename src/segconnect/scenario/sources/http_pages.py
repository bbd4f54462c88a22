"""Items of an HTTP API that answers JSON, page after page."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit
from zlib import crc32

from pydantic import Field, model_validator

from segconnect.errors import (
    SegconnectError,
    SourceError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
)
from segconnect.mapping.paths import reached, steps_of
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.fetching import default_fetch, fetch_following, header, origin
from segconnect.scenario.engine.services import FetchRequest, FetchResponse
from segconnect.scenario.sources.options import Cursor, Opening, Options, part
from segconnect.transport import retry_after_seconds

ATTEMPTS = 5
LONGEST_WAIT = 120  # seconds; whoever asks for more is asked again by a later run
MOST_SEEN = 100  # items of the newest moment that are told apart in the next run
_NEXT = re.compile(r"<([^<>]*)>[^<>]*?;\s*rel\s*=\s*\"?[^\"<>,;]*\bnext\b", re.IGNORECASE)


class HttpPagesOptions(Options):
    """The parameters of an API's pages."""

    url: str = Field(min_length=1, description="The address of the first page.")
    query: dict[str, Any] = Field({}, description="What is added to the address, ?name=value.")
    headers: dict[str, str] = Field({}, description="Headers of each request.")
    connection: str | None = Field(
        None,
        description="The name of saved credentials: token; user and password; or key, with the"
        " name of its header, or of its query parameter where placement is query.",
    )
    items: str | None = Field(
        None, description="The path of the array, such as data.orders; the only one, if left out."
    )
    pagination: Literal["none", "page", "offset", "token", "link", "next"] = Field(
        "none",
        description="How the next page is asked for: by its number or by an offset, up to a page"
        " without items; by a token of the answer, by the Link header, by an address in the answer,"
        " as long as there is one; or there is one page.",
    )
    page_parameter: str = Field("page", description="Of pages by number: the number's parameter.")
    first_page: int = Field(1, description="Of pages by number: the first one.")
    offset_parameter: str = Field("offset", description="Of offsets: the offset's parameter.")
    size_parameter: str = Field("limit", description="The parameter of the page size.")
    page_size: int | None = Field(
        None, ge=1, description="How many items a page is to have; sent if given."
    )
    token_path: str = Field("nextPageToken", description="Of tokens: where the answer has it.")
    token_parameter: str = Field("pageToken", description="Of tokens: the token's parameter.")
    next_path: str = Field("next", description="Of addresses: where the answer has the next one.")
    since_parameter: str | None = Field(
        None, description="The parameter that asks for what is new since a moment or a number."
    )
    since_field: str | None = Field(
        None, description="The path within an item of what the next run asks since: its greatest."
    )
    since_start: str | int | None = Field(
        None, description="What the first run asks since; everything, if left out."
    )
    requests_per_minute: float | None = Field(
        None, gt=0, description="How many requests a minute are sent at most."
    )
    timeout: float = Field(40, gt=0, le=300, description="Seconds that one answer may take.")

    @model_validator(mode="after")
    def _has_both_of_since(self) -> HttpPagesOptions:
        if (self.since_parameter is None) != (self.since_field is None):
            raise ValueError("give both of 'since_parameter' and 'since_field', or none of them")
        return self


class HttpPagesSource:
    """Gives each item of each page as a bundle; one that is no object is given as `value`.

    With `since_parameter`, a later run asks for what is new since the greatest `since_field` that
    was given, and passes over what it had of that very moment. Without, each run reads all. A run
    that broke off asks for its page once more and goes on after the items that it had.

    An answer of 429, 5xx or none is asked for again, after Retry-After where that is said.
    """

    OPTIONS = HttpPagesOptions
    PARAMETERS = HttpPagesOptions.model_fields
    label = "Pages of an API"

    def __init__(self, options: HttpPagesOptions, opening: Opening) -> None:
        self.options, self._services = options, opening.services
        self._headers = [("Accept", "application/json"), *options.headers.items()]
        self._secret: list[tuple[str, str]] = []  # of the query: not kept in cursors
        if options.connection is not None:
            self._sign_in(opening.credentials(options.connection))
        self._fetch = opening.services.fetch or default_fetch
        self._host = urlsplit(options.url).hostname or options.url[:100]
        self._done, self._sent_at = 0, float("-inf")

    def progress(self) -> tuple[int, int]:
        """Answers how many items were read."""
        return self._done, 0

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives a bundle for each item, and looks one ahead: the last one's cursor is another."""
        stand = _Stand(after, self.options.since_start)
        held: SourceBundle | None = None
        for item, at, number in self._items(stand):
            if not self._is_new(item, stand):
                continue
            if held is not None:
                yield held
            stand.count += 1
            self._done = stand.count
            place = Place(self._host, stand.count, stand.count, "item")
            values = item if isinstance(item, dict) else {"value": item}
            held = SourceBundle(values, place, None, stand.cursor(at, number))
        if held is not None:
            last = stand.finished() if self.options.since_field else {"count": 0}
            yield SourceBundle(held.values, held.place, None, last)

    def _is_new(self, item: Any, stand: _Stand) -> bool:
        """Whether an item was not given by an earlier run; takes note of its moment."""
        if self.options.since_field is None:
            return True
        moment = _comparable(reached(item, steps_of(self.options.since_field)))
        if moment is None:
            return True
        mark = crc32(repr(item).encode("utf-8", "surrogatepass"))
        is_new = moment != stand.since or mark not in stand.seen
        stand.note(moment, mark)
        return is_new

    # -- pages -----------------------------------------------------------------------------------

    def _items(self, stand: _Stand) -> Iterator[tuple[Any, Any, int]]:
        """Gives items from where it stands: each with its page, and its number there, from 1."""
        at, passed, before = stand.at, stand.item, 0
        while True:
            response, answered = self._asked(self._url(at, stand.since))
            failure = self._failure(response)
            if failure is not None:
                if response.status == HTTPStatus.NOT_FOUND and self._may_be_past(at):
                    return
                raise failure
            body = self._read(response)
            items = self._found(body)
            mark = crc32(repr(items).encode("utf-8", "surrogatepass"))
            if items and mark == before:
                raise SourceError(
                    f"{self._host}: a page is the same as the one before it; the API does not know"
                    f" the parameter of {self.options.pagination!r} pagination that was sent"
                )
            before = mark
            for number, item in enumerate(items, 1):
                if number > passed:
                    yield item, at, number
            passed, last = 0, at
            at = self._following(at, items, body, response, answered)
            if at is None:
                return
            if at == last:
                raise SourceError(f"{self._host}: a page names itself as the next one")

    def _may_be_past(self, at: Any) -> bool:
        """Whether a page that is not found may be the one after the last."""
        return at is not None and self.options.pagination in ("page", "offset")

    def _url(self, at: Any, since: Any) -> str:
        options = self.options
        if options.pagination in ("link", "next") and at is not None:
            return _with_query(at, self._secret)
        pairs = [*((name, _text(value)) for name, value in options.query.items()), *self._secret]
        if options.since_parameter is not None and since is not None:
            pairs.append((options.since_parameter, _text(since)))
        if options.page_size is not None:
            pairs.append((options.size_parameter, str(options.page_size)))
        if options.pagination == "page":
            pairs.append((options.page_parameter, str(options.first_page if at is None else at)))
        elif options.pagination == "offset":
            pairs.append((options.offset_parameter, str(at or 0)))
        elif at is not None:
            pairs.append((options.token_parameter, str(at)))
        return _with_query(options.url, pairs)

    def _following(
        self, at: Any, items: list[Any], body: Any, response: FetchResponse, url: str
    ) -> Any:
        """Answers what asks for the next page; None after the last one."""
        options = self.options
        kind = options.pagination
        if kind in ("page", "offset"):
            if not items:  # a page that has fewer than were asked for need not be the last
                return None
            if kind == "page":
                return (options.first_page if at is None else at) + 1
            return (at or 0) + len(items)
        if kind == "token":
            token = reached(body, steps_of(options.token_path))
            return None if token in (None, "", False) else _text(token)
        if kind == "link":
            links = [value for name, value in response.headers if name.lower() == "link"]
            found = _NEXT.search(", ".join(links))
            return self._same_host(url, found[1]) if found else None
        if kind == "next":
            link = reached(body, steps_of(options.next_path))
            return self._same_host(url, str(link)) if link else None
        return None

    def _same_host(self, url: str, link: str) -> str:
        """Answers the next page's address without what is secret; it is on the same server."""
        following = urljoin(url, link)
        scheme, host, _ = origin(following)
        is_safer = (scheme, host) == ("https", self._host)
        if origin(following) != origin(self.options.url) and not is_safer:
            raise SourceError(
                f"{self._host}: the next page is on another server, {host!r}, which"
                " the credentials are not for"
            )
        parts, hidden = urlsplit(following), {value for _, value in self._secret}
        query = parse_qsl(parts.query, keep_blank_values=True)
        if any(value in hidden for _, value in query):
            kept = urlencode([(name, value) for name, value in query if value not in hidden])
            return urlunsplit(parts._replace(query=kept))
        return following

    # -- one answer ------------------------------------------------------------------------------

    def _asked(self, url: str) -> tuple[FetchResponse, str]:
        """Asks for a page, and again where that may help."""
        for attempt in range(1, ATTEMPTS + 1):
            self._keep_pace()
            try:
                return self._answer(url)
            except (ThrottledError, UnreachableError) as error:
                asked = error.retry_after
                if attempt == ATTEMPTS or (asked or 0) > LONGEST_WAIT:
                    raise
                wait = asked if asked is not None else 2.0**attempt
            self._services.sleep(wait)
        raise AssertionError

    def _keep_pace(self) -> None:
        if self.options.requests_per_minute is not None:
            pause = 60 / self.options.requests_per_minute
            wait = self._sent_at + pause - self._services.monotonic()
            if wait > 0:
                self._services.sleep(wait)
        self._sent_at = self._services.monotonic()

    def _answer(self, url: str) -> tuple[FetchResponse, str]:
        services = self._services
        request = FetchRequest(
            "GET", url, self._headers, None, self.options.timeout, services.limits.response_bytes
        )
        try:
            response, last = fetch_following(self._fetch, request, services.allowed_hosts)
        except ModuleError as error:
            if error.kind in ("ConnectionError", "ModuleTimeoutError"):
                raise UnreachableError(f"{self._host}: {error}", may_have_arrived=False) from None
            raise SourceError(f"{self._host}: {error}") from None
        failure = self._failure(response)
        if isinstance(failure, (ThrottledError, UnreachableError)):
            raise failure
        return response, last

    def _failure(self, response: FetchResponse) -> SegconnectError | None:
        status = response.status
        if 200 <= status < 300:
            return None
        try:
            what = f"{status} {HTTPStatus(status).phrase}"
        except ValueError:
            what = str(status)
        asked = retry_after_seconds(header(response.headers, "retry-after"))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return ThrottledError(f"{self._host}: asks for a pause ({what})", asked)
        if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
            message = f"{self._host}: could not answer ({what}); try again later"
            return UnreachableError(message, may_have_arrived=False, retry_after=asked)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return UnauthorizedError(f"{self._host}: does not accept the credentials ({what})")
        return SourceError(f"{self._host}: refused the request ({what})")

    def _read(self, response: FetchResponse) -> Any:
        if not response.body.strip():
            return []
        try:
            return json.loads(response.body, parse_float=Decimal)
        except (ValueError, RecursionError):
            beginning = response.body[:60].decode("utf-8", "replace")
            raise SourceError(f"{self._host}: the answer is not JSON: {beginning!r}") from None

    def _found(self, body: Any) -> list[Any]:
        """Finds the items in an answer: where it is said, else in its one array."""
        path = self.options.items
        keys = list(body) if isinstance(body, dict) else []
        if path:
            items = reached(body, steps_of(path))
            if items is None and self._done:
                return []  # as some APIs say that there are no more
        else:
            lists = [key for key in keys if isinstance(body[key], list)]
            items = body[lists[0]] if len(lists) == 1 else body
            keys = lists or keys
        if isinstance(items, list):
            return items
        where = f" at {path!r}" if path else " as the only one; say 'items'"
        has = f"; it has {', '.join(keys[:20])}" if keys else ""
        raise SourceError(f"{self._host}: the answer has no array{where}{has}")

    def _sign_in(self, credentials: Mapping[str, Any]) -> None:
        def first(*names: str) -> str:
            return next((str(credentials[name]) for name in names if credentials.get(name)), "")

        token, user = first("access_token", "token"), first("user", "username")
        key, name = first("key", "api_key", "apiKey"), first("name", "header")
        if token:
            self._headers.append(("Authorization", f"Bearer {token}"))
        elif user:
            both = b64encode(f"{user}:{first('password')}".encode()).decode()
            self._headers.append(("Authorization", f"Basic {both}"))
        elif key and first("placement") == "query":
            self._secret.append((name or "api_key", key))
        elif key:
            self._headers.append((name or "Authorization", key))
        else:
            raise SourceError(
                f"the credentials {self.options.connection!r} have neither token, user nor key"
            )

    # -- what is shown before use ----------------------------------------------------------------

    def found(self) -> Mapping[str, Any]:
        """Answers where it reads."""
        return {"host": self._host, "pagination": self.options.pagination}


class _Stand:
    """Where reading stands: the page, the items of it that were given, and the newest moment."""

    def __init__(self, after: Cursor | None, start: Any) -> None:
        known = after or {}
        self.count: int = part(known, "count") if after else 0
        self.at, self.item = known.get("at"), int(known.get("item") or 0)
        self.since = known.get("since", start)
        self.seen: Sequence[int] = known.get("seen") or []
        self._greatest = known.get("greatest", self.since)
        self._newest: list[int] = list(known.get("newest", self.seen))

    def note(self, moment: Any, mark: int) -> None:
        """Takes note of an item's moment."""
        if self._greatest is None or _is_after(moment, self._greatest):
            self._greatest, self._newest = moment, [mark]
        elif moment == self._greatest and mark not in self._newest:
            self._newest = [*self._newest, mark][-MOST_SEEN:]

    def cursor(self, at: Any, item: int) -> Cursor:
        """Answers the cursor of an item within the run."""
        return {
            "count": self.count,
            "at": at,
            "item": item,
            "since": self.since,
            "seen": self.seen,
            "greatest": self._greatest,
            "newest": self._newest,
        }

    def finished(self) -> Cursor:
        """Answers the cursor of a run's last item: from it, the next run goes on."""
        return {"count": self.count, "since": self._greatest, "seen": self._newest}


def _is_after(moment: Any, other: Any) -> bool:
    if isinstance(moment, str) or isinstance(other, str):
        return str(moment) > str(other)
    return bool(moment > other)


def _comparable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, (str, int, float)) else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _with_query(url: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Answers an address with more in its query; of the same name, the one added counts."""
    parts = urlsplit(url)
    names = {name for name, _ in pairs}
    own = [each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] not in names]
    return urlunsplit(parts._replace(query=urlencode([*own, *pairs])))
