"""The reports of the reporting API: saved ones, the contacts behind them, and queries.

Source: API docs, reporting/_reports.md and reporting/_query.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from segconnect.account.metrics import Dimension, Family, Kind, parts
from segconnect.account.owner import access
from segconnect.account.people import finding, reading
from segconnect.account.people.credited import Credit, credits_of
from segconnect.account.replica.sharing import Shared
from segconnect.account.reports import saved
from segconnect.account.reports.answering import NONE, Json, report_answer
from segconnect.account.reports.asking import BEHIND, ask, ask_listing
from segconnect.account.reports.behind import Listing, contacts_behind
from segconnect.account.reports.dates import DEFAULT_END, DEFAULT_START, SCALES
from segconnect.account.reports.plan import Plan, Query, Settings, plan
from segconnect.account.reports.run import Reading, run
from segconnect.account.reports.types import JOURNEY, PATHS, SPECIAL, TYPES
from segconnect.errors import UsageError, unknown_name
from segconnect.wire.report import DateRange, ReportQuery

MAX_PAGE = 10**9


class NoSuchReportError(UsageError):
    """There is no report of this type or id."""


class State(NamedTuple):
    """What the answers of an account depend on, besides the time of the day."""

    change: int  # the number of the newest one
    today: date
    settings: Settings  # at no moment


class Freshness(NamedTuple):
    """When the newest of each came to be, in seconds UTC, or its day in the account's zone."""

    contact: int | None
    order: int | None
    order_day: date | None
    subscription: int | None
    visit: int | None
    spend_day: date | None

    def told(self) -> list[tuple[str, int | date]]:
        """What there is, with a name for people."""
        named = {
            "Contacts": self.contact, "Orders": self.order, "Subscriptions": self.subscription,
            "Visits": self.visit, "Ad spend": self.spend_day,
        }  # fmt: skip
        return [(name, at) for name, at in named.items() if at is not None]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FRESHNESS = """
select (select max(date_created) from contacts), (select max(date_created) from orders),
  (select max(day) from orders), (select max(start_date) from subscriptions),
  (select max(date_created) from page_views), (select max(day) from ad_performance)"""


class Reports:
    """Answers for the accounts of one store."""

    def __init__(self, engine: Engine, facts: Reading, exports: Path | None = None) -> None:
        self._engine, self._facts = engine, facts
        self._exports = exports  # where states of the accounts are kept
        self._shared = Shared[Json]()

    def query(self, account_pk: int, body: bytes) -> Json:
        """Answers POST data/query. Who asks the same at one time may get the same: only read it.

        Raises:
            ShapeError: The body is no query.
            UsageError: What it asks for is not there.
        """
        shape = ReportQuery.read(body)
        asked = shape.date_range or DateRange()
        scale = asked.scale or "day"
        compare = shape.compare
        query = Query(
            type=shape.type,
            dimensions=shape.dimensions,
            metrics=shape.metrics,
            start=asked.start,
            end=asked.end,
            scale=asked.scale,
            filters=shape.filters or (),
            steps=shape.steps or (),
            options=shape.options or {},
            compare=compare.given() if isinstance(compare, DateRange) else compare,
            sort=shape.sort,
            limit=shape.limit,
        )
        try:
            if shape.as_of is not None:
                return self._as_of(account_pk, shape.as_of, query, scale)
        except UsageError:
            number = str(shape.as_of).strip()
            now = self._of_newest(account_pk, number, query, scale) if number.isdigit() else None
            if now is None:
                raise
            return now
        settings = self._settings(account_pk)
        planned = plan(query, settings)

        def find() -> tuple[Json, float]:
            with self._facts(account_pk, models_of(planned)) as facts:
                return ask(facts, planned, scale), facts.fresh_at

        question = (account_pk, body, settings.today, replace(settings, now=EPOCH))
        return self._shared.answer(question, find)

    def _of_newest(self, account_pk: int, number: str, query: Query, scale: str) -> Json | None:
        """Answers of the account as it is, if that is what is asked for and not kept."""
        planned = plan(query, self._settings(account_pk))
        with self._facts(account_pk, models_of(planned)) as facts:
            return ask(facts, planned, scale) if number == str(facts.number) else None

    def _as_of(self, account_pk: int, as_of: int | str, query: Query, scale: str) -> Json:
        """Answers as a report would have at a state that was kept."""
        from segconnect.account.export import history

        if self._exports is None:
            raise UsageError("as_of: this server keeps no states of its accounts")
        with self._engine.connect() as connection:
            account_id = access.id_of(connection, account_pk)
        zone = self._settings(account_pk).zone
        state = history.state_of(self._exports, account_id, as_of, zone)
        planned = plan(query, state.settings_then)
        with history.reading(self._exports, state, models_of(planned)) as facts:
            return ask(facts, planned, scale)

    def state(self, account_pk: int) -> State:
        """Answers what the account is at: as long as it stays, so do the figures of whole days."""
        settings = self._settings(account_pk)
        with self._facts(account_pk, ()) as facts:
            return State(facts.number, settings.today, replace(settings, now=EPOCH))

    def freshness(self, account_pk: int) -> Freshness:
        """Answers when the newest of everything came to be."""
        with self._facts(account_pk, ()) as facts:
            found = facts.connection.execute(FRESHNESS).fetchone()
        assert found is not None
        return Freshness(*found)

    def find(self, account_pk: int, asked: finding.Asked) -> finding.Found:
        """Answers a page of contacts.

        Raises:
            UsageError: A filter cannot be used.
        """
        return finding.find(self._engine, self._facts, account_pk, asked)

    def origins(self, account_pk: int, contacts: Sequence[int]) -> dict[int, finding.Origin]:
        """Answers how those behind contacts came first, by their rows."""
        return finding.origins(self._facts, account_pk, contacts)

    def credits_of(self, account_pk: int, contact_pk: int) -> tuple[str, Sequence[list[Credit]]]:
        """Answers the account's own model, and what it credits a person's orders to.

        Raises:
            UsageError: The model's credits are not kept.
        """
        model = self._settings(account_pk).model
        with self._facts(account_pk, [model]) as facts:
            return model, credits_of(facts, model, contact_pk)

    def catch_up(self, account_pk: int) -> None:
        """Brings the replica up to what the account is now."""
        with self._facts(account_pk, ()):
            pass

    def health(self, account_pk: int, given: Mapping[str, str]) -> Json:
        """Answers GET health: the checks of an account's data.

        Raises:
            UsageError: What is asked for is not there.
        """
        from segconnect.account.figures.health import MODELS, health

        settings = self._settings(account_pk)
        with self._facts(account_pk, MODELS) as facts:
            return health(facts, settings, given.get("start"), given.get("end"))

    def forecast(self, account_pk: int, given: Mapping[str, str]) -> Json:
        """Answers GET forecast: what the people of each month will have brought by an age.

        Raises:
            UsageError: What is asked for is not there.
        """
        from segconnect.account.forecast.answering import MAX_MONTHS, MONTHS, forecast_answer

        months = _number(given, "months", MONTHS, MAX_MONTHS)
        with self._facts(account_pk, ()) as facts:
            settings = self._settings(account_pk)
            return forecast_answer(facts, settings, given.get("of", "leads"), months)

    def report(
        self, account_pk: int, type_: str, report_id: str | None, given: Mapping[str, str]
    ) -> Json:
        """Answers GET report.

        Raises:
            NoSuchReportError: There is none.
            UsageError: What is asked for is not there.
        """
        name, query, settings = self._asked(account_pk, type_, report_id, given)
        table = plan(replace(query, metrics=query.metrics or _columns(type_)), settings)
        scale = given.get("scale", "day")
        if scale not in SCALES:
            raise UsageError(unknown_name("scale", scale[:100], SCALES))
        drawn = replace(query, dimensions=[f"date.{scale}"], metrics=query.metrics or None)
        graph = plan(drawn, settings)
        with self._facts(account_pk, models_of(table, graph)) as facts:
            asked = (query.start or DEFAULT_START, query.end or DEFAULT_END)
            return report_answer(name, asked, run(facts, table), run(facts, graph))

    def contacts(
        self,
        account_pk: int,
        type_: str,
        report_id: str | None,
        given: Mapping[str, str],
        path: str,
    ) -> Json:
        """Answers GET report/…/contacts: the contacts behind the report, a page of them.

        Raises:
            NoSuchReportError: There is none.
            UsageError: What is asked for is not there.
        """
        _, query, settings = self._asked(account_pk, type_, report_id, given)
        limit, page = _number(given, "limit", 20, 100), _number(given, "page", 1, MAX_PAGE)
        extend = reading.expansions(given.get("extend", ""))
        planned = plan(replace(query, metrics=TYPES[type_].people), settings)
        metrics = [metric for each in planned.metrics for metric in parts(each)]
        with self._facts(account_pk, models_of(planned)) as facts:
            total, pks = contacts_behind(facts, planned, metrics, limit, page)
        found = reading.contacts_of(self._engine, account_pk, pks, settings.currency, extend)
        first = (page - 1) * limit
        return {
            "data": found,
            "meta": {
                "current_page": page,
                "from": first + 1 if pks else None,
                "last_page": max(1, -(-total // limit)),
                "path": path,
                "per_page": limit,
                "to": first + len(pks) if pks else None,
                "total": total,
            },
        }

    def behind(
        self,
        account_pk: int,
        query: Query,
        cells: Sequence[str],
        of: str | None = None,
        first: int = 0,
        most: int | None = None,
    ) -> list[Listing]:
        """Tells what a report's figures are made of, in one of its rows or in the totals.

        Args:
            account_pk: The account.
            query: The report.
            cells: What the row says it is of; none asks for the totals.
            of: The metric whose parts are named; None: the first one.
            first: How many of its parts are left out before.
            most: How many are named; None: all.

        Raises:
            UsageError: What is asked for is not there, or there is more than can be listed.
        """
        planned = plan(query, self._settings(account_pk))
        dimensions = [] if query.type == PATHS else planned.dimensions
        named = 1 if query.type in BEHIND else 0  # the path or the step
        if cells and len(cells) != len(dimensions) + named:
            raise UsageError(
                f"{len(cells)} values of a row that has {len(dimensions) + named} of them"
            )
        told = [_cell(each, text) for each, text in zip(dimensions, cells, strict=False)]
        row = (*told, *cells[len(dimensions) :])
        with self._facts(account_pk, models_of(planned)) as facts:
            return ask_listing(facts, planned, row, of, first, most)

    def _settings(self, account_pk: int) -> Settings:
        with self._engine.connect() as connection:
            return saved.settings_of(connection, account_pk)

    def _asked(
        self, account_pk: int, type_: str, report_id: str | None, given: Mapping[str, str]
    ) -> tuple[str, Query, Settings]:
        if type_ not in TYPES:
            raise NoSuchReportError(unknown_name("report type", type_[:100], TYPES))
        if type_ in SPECIAL:
            raise NoSuchReportError(
                f"a {type_} report has no graph and table of this shape: ask for it by a query,"
                f' POST /v2/{{account_id}}/data/query with "type": "{type_}"'
            )
        settings = self._settings(account_pk)
        name, query = TYPES[type_].name, Query(type_)
        if report_id is not None:
            with self._engine.connect() as connection:
                found = saved.find(connection, account_pk, report_id)
            if found is None or found.query.type != type_:
                raise NoSuchReportError(f"There is no {type_} report '{report_id[:100]}'")
            name, query = found.name, found.query
        start, end = given.get("start") or query.start, given.get("end") or query.end
        return name, replace(query, start=start, end=end), settings


def models_of(*plans: Plan) -> Sequence[str]:
    """The models whose credits reports need: none where no visit is asked about."""
    wanted: dict[str, None] = {}
    for each in plans:
        asked = [*each.dimensions, *each.filtered]
        if each.type.slug != JOURNEY and any(
            one.family in (Family.TOUCH, Family.AD) for one in asked
        ):
            wanted.update({model.kept: None for model in each.models or (each.model,)})
    return list(wanted)


def _cell(dimension: Dimension, text: str) -> Any:
    """Reads back what a row says it is of."""
    if text == NONE:
        return None
    if dimension.type is not Kind.NUMBER:
        return text
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{dimension.slug}: expected a number, found {text[:40]!r}") from None


def _columns(type_: str) -> Sequence[str] | None:
    return TYPES[type_].columns or None


def _number(given: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = given.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:20]) <= most:
        raise UsageError(f"'{name}' is a whole number from 1 to {most}, found {text[:20]!r}")
    return int(text)
