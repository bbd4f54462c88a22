"""A tiny account as the replica has it, written by hand: docs/decisions/replica.md.

Its days are in UTC, and what a test does not say is plain: a contact has one person, an order is
paid, a visit is from nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb

from segconnect.account.metrics import METRICS, Number
from segconnect.account.replica import Facts, crediting, derived, selling
from segconnect.account.reports.asking import ask
from segconnect.account.reports.plan import Plan, Query, Settings, plan
from segconnect.account.reports.run import Answer, run

TABLES = {
    "integrations": "pk bigint, integration_id varchar, kind varchar, name varchar",
    "contacts": "pk bigint, integration_pk bigint, contact_id varchar, email varchar,"
    " status varchar, affiliate_id varchar, custom_fields varchar, date_created bigint, day date",
    "tags": "pk bigint, integration_pk bigint, tag_id varchar, name varchar",
    "contact_tags": "contact_pk bigint, tag_pk bigint, date_created bigint, day date",
    "products": "integration_pk bigint, product_id varchar, name varchar",
    "orders": "pk bigint, integration_pk bigint, order_id varchar, contact_pk bigint,"
    " email varchar, amount bigint, paid bigint, is_refunded boolean, discount bigint, tax bigint,"
    " shipping bigint, date_created bigint, day date",
    "order_items": "order_pk bigint, position bigint, item_id varchar, product_id varchar,"
    " amount bigint, total_paid bigint, subscription_id varchar",
    "subscriptions": "pk bigint, integration_pk bigint, subscription_id varchar, contact_pk bigint,"
    " email varchar, amount bigint, product_id varchar, billing_cycle varchar, frequency bigint,"
    " quantity bigint, start_date bigint, day date, trial_end_day date, end_day date,"
    " canceled_day date",
    "adcampaigns": "integration_pk bigint, adcampaign_id varchar, name varchar",
    "adsets": "integration_pk bigint, adset_id varchar, name varchar, adcampaign_id varchar",
    "ads": "integration_pk bigint, ad_id varchar, name varchar, adset_id varchar,"
    " adcampaign_id varchar",
    "ad_performance": "integration_pk bigint, ad_id varchar, day date, spend bigint,"
    " clicks bigint, impressions bigint",
    "page_views": "visitor_pk bigint, date_created bigint, hit bigint, day date, host varchar,"
    " path varchar, device varchar",
}
"""The columns that reports read, of the tables that are copied."""
COMPUTED = [*derived.tables(), *crediting.tables()]


def empty() -> duckdb.DuckDBPyConnection:
    """Answers a database with all tables, and nothing in them."""
    connection = duckdb.connect(":memory:")
    for name, columns in TABLES.items():
        connection.execute(f"create table {name} ({columns})")
    for statement in COMPUTED:
        connection.execute(statement)
    return connection


def insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Puts rows into a table; what a row does not say is null."""
    for row in rows:
        known = [name for (name, *_) in connection.table(table).description]
        names = [name for name in known if name in row]
        marks = ", ".join("?" * len(names))
        values = [row[name] for name in names]
        connection.execute(f"insert into {table} ({', '.join(names)}) values ({marks})", values)


NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def seconds(text: str) -> int:
    """A day, or a moment, UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


class World:
    """An account that rows are put into, and that is asked."""

    def __init__(self, now: datetime = NOW) -> None:
        self.connection = empty()
        self.now = now
        self._next = 0
        self._touches: dict[int, int] = {}
        self._models: set[str] = set()
        self._credited: set[str] = set()  # models whose credits of orders are asked for
        self.integration = self.insert("integrations", integration_id="i1", kind="crm", name="CRM")

    def insert(self, table: str, **row: Any) -> int:
        """Puts one row in; answers its number."""
        self._next += 1
        insert(self.connection, table, [{"pk": self._next, "integration_pk": 1, **row}])
        return self._next

    # -- people ----------------------------------------------------------------------------------

    def contact(self, day: str, *, person: int | None = None, tags: Sequence[str] = (),
                **row: Any) -> int:  # fmt: skip
        """A contact of a day; answers the person."""
        values = {"status": "active", "custom_fields": "{}", **row}
        pk = self.insert(
            "contacts", contact_id=f"c{self._next}", date_created=seconds(day), day=day[:10],
            **values,
        )  # fmt: skip
        person = pk if person is None else person
        self.insert("people", kind="contact", pk=pk, person=person)
        for tag in tags:
            tag_pk = self.insert("tags", tag_id=tag, name=tag)
            self.insert("contact_tags", contact_pk=pk, tag_pk=tag_pk)
        return person

    def visit(self, person: int, day: str, **touch: Any) -> int:
        """A visit of a person; answers its number among theirs."""
        number = self._touches[person] = self._touches.get(person, 0) + 1
        row = {"person": person, "number": number, "moment": seconds(day), "day": day[:10],
               "is_direct": touch.get("channel") == "direct"}  # fmt: skip
        insert(self.connection, "touches", [{**row, **touch}])
        return number

    def view(self, person: int, moment: str, page: str = "tea.shop/") -> None:
        """A page view of a person, whose visits are put in on their own."""
        self._next += 1
        if ("visitor", person) not in self.connection.execute(
            "select kind, person from people where kind = 'visitor'"
        ).fetchall():
            self.insert("people", kind="visitor", pk=10_000 + person, person=person)
        host, slash, path = page.partition("/")
        self.insert("page_views", visitor_pk=10_000 + person, date_created=seconds(moment),
                    hit=self._next, day=moment[:10], host=host, path=slash + path,
                    device="desktop")  # fmt: skip

    def credit(self, order: int, model: str, *touches: tuple[float, Mapping[str, Any]]) -> None:
        """Credits an order to visits."""
        seen: set[Any] = set()
        for number, (share, touch) in enumerate(touches, 1):
            row = {"model": model, "order_pk": order, "number": number, "share": share}
            row[crediting.FIRST] = touch.get("channel") not in seen
            seen.add(touch.get("channel"))
            days = self.connection.execute("select day from orders where pk = ?", [order])
            ((day,),) = days.fetchall()
            insert(self.connection, "credits", [{**row, "order_day": day, **touch}])

    # -- money -----------------------------------------------------------------------------------

    def order(self, person: int, day: str, amount: int, *, paid: int | None = None,
              items: Sequence[tuple[str, int]] | None = None, is_refunded: bool = False,
              tax: int = 0, shipping: int = 0) -> int:  # fmt: skip
        """An order of a person, by default for one tea; answers its number."""
        paid = amount if paid is None else paid
        pk = self.insert(
            "orders", order_id=f"o{self._next}", amount=amount, paid=paid, discount=0, tax=tax,
            shipping=shipping, is_refunded=is_refunded, date_created=seconds(day), day=day[:10],
        )  # fmt: skip
        self.insert("people", kind="order", pk=pk, person=person)
        for position, (product, price) in enumerate(items or [("tea", amount)], 1):
            self.product(product)
            item_paid = paid if items is None else price
            self.insert("order_items", order_pk=pk, position=position, product_id=product,
                        amount=price, total_paid=item_paid)  # fmt: skip
        return pk

    def product(self, product: str) -> None:
        """A product, unless it is there."""
        known = self.connection.execute("select product_id from products").fetchall()
        if (product,) not in known:
            self.insert("products", product_id=product, name=product)

    def subscription(self, person: int, starts: str, amount: int, *, ends: str | None = None,
                     trial: str | None = None, cycle: str = "month", frequency: int = 1,
                     product: str = "club") -> int:  # fmt: skip
        """A subscription of a person; answers its number."""
        self.product(product)
        pk = self.insert(
            "subscriptions", amount=amount, product_id=product, billing_cycle=cycle,
            frequency=frequency, quantity=1, start_date=seconds(starts), day=starts,
            trial_end_day=trial, canceled_day=ends,
        )  # fmt: skip
        self.insert("people", kind="subscription", pk=pk, person=person)
        return pk

    def ad(self, ad_id: str, campaign: str, adset: str | None = None, integration: int = 1) -> None:
        """An ad of a campaign, and of an ad set where there is one."""
        campaigns = self.connection.execute("select name, integration_pk from adcampaigns")
        if (campaign, integration) not in campaigns.fetchall():
            self.insert("adcampaigns", adcampaign_id=f"id-{campaign}", name=campaign,
                        integration_pk=integration)  # fmt: skip
        if adset:
            self.insert("adsets", adset_id=adset, name=adset, adcampaign_id=f"id-{campaign}",
                        integration_pk=integration)  # fmt: skip
        self.insert("ads", ad_id=ad_id, name=f"Ad {ad_id}", adset_id=adset,
                    adcampaign_id=None if adset else f"id-{campaign}",
                    integration_pk=integration)  # fmt: skip

    def spend(self, ad_id: str, day: str, spend: int, clicks: int = 0, impressions: int = 0,
              integration: int = 1) -> None:  # fmt: skip
        """What an ad did on a day."""
        self.insert("ad_performance", ad_id=ad_id, day=day, spend=spend, clicks=clicks,
                    impressions=impressions, integration_pk=integration)  # fmt: skip

    # -- asking ----------------------------------------------------------------------------------

    @property
    def facts(self) -> Facts:
        """The replica, with what follows from its rows; but for credits of orders."""
        for table in ("leads", "lead_credits", *(["credits"] if self._credited else [])):
            self.connection.execute(f"truncate {table}")
        derived.all_leads(self.connection)
        selling.everything(self.connection)
        self.connection.execute("delete from credits where number is null")
        for model in self._models - set(self._credited):  # what no visit earned
            self.connection.execute(
                "insert into credits by name select ? as model, pk as order_pk, day as order_day,"
                f" 1 as share, true as {crediting.FIRST} from orders where pk not in"
                " (select order_pk from credits where model = ?)",
                [model, model],
            )
        self.connection.execute(
            "update credits set person = s.person, lead_day = s.lead_day, order_amount = s.amount,"
            " order_paid = s.paid, person_orders = s.orders, order_number = s.number from"
            " (select *, count(*) over (partition by person) as orders from sold) s"
            " where s.pk = order_pk"
        )
        models = crediting.named(self._models)
        crediting.credit(self.connection, "lead_credits", models, derived.EVERYBODY)
        models = crediting.named(self._credited)
        crediting.credit(self.connection, "credits", models, derived.EVERYBODY)
        return Facts(self.connection, 7, self.now)

    def plan(self, type_: str = "revenue", *metrics: str, by: Sequence[str] | None = (), start:
             str = "2026-03-01", end: str = "2026-03-31", model: str | None = "linear",
             zone: Any = UTC, **more: Any) -> Plan:  # fmt: skip
        """Plans a report of March."""
        options = {"attribution_model": model, **more.pop("options", {})}
        query = Query(
            type_, by, metrics or None, start, end, options=options, **more
        )  # fmt: skip
        planned = plan(query, Settings(self.now, zone, "USD"))
        self._models |= {model.kept for model in planned.models or (planned.model,)}
        return planned

    def told(self, type_: str, *metrics: str, by: Sequence[str] | None = None,
             model: str | None = None, **asked: Any) -> dict[str, Any]:  # fmt: skip
        """Answers a report of March as the API does, with orders credited to visits before them."""
        planned = self.credited(type_, *metrics, by=by, model=model, **asked)
        return ask(self.facts, planned)

    def credited(self, type_: str, *metrics: str, **asked: Any) -> Plan:
        """Plans a report of March, whose orders are credited to the visits before them."""
        planned = self.plan(type_, *metrics, **asked)
        self._credited |= {model.kept for model in planned.models or (planned.model,)}
        return planned

    def ask(self, type_: str = "revenue", *metrics: str, **asked: Any) -> Answer:
        """Answers a report of March."""
        planned = self.plan(type_, *metrics, **asked)
        return run(self.facts, planned)

    def total(self, metric: str, **asked: Any) -> Number | None:
        """Answers one figure of March."""
        answer = self.ask("revenue", metric, **asked)
        return answer.value(METRICS.find(metric), answer.totals)

    def rows(self, *metrics: str, by: str | Sequence[str], **asked: Any) -> dict[Any, Any]:
        """Answers figures of March by group; a single one, or a tuple, for each."""
        by = [by] if isinstance(by, str) else by
        answer = self.ask("revenue", *metrics, by=by, **asked)
        return {
            _bare(row.cells): _bare(
                tuple(answer.value(METRICS.find(metric), row.sums) for metric in metrics)
            )
            for row in answer.rows
        }


def _bare(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else values
