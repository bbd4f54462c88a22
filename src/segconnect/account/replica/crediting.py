"""Which touch of an order is credited with how much of it, by which model, in SQL.

The models are `account.attribution`'s; here stands the fast form of those that look at one journey
at a time, and only of those, since their credits change only with the journey. A model that looks
at all journeys together is computed from the touches when it is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from segconnect.account.attribution import MODELS
from segconnect.account.replica.derived import AFFECTED, EVERYBODY, TOUCH, Scope
from segconnect.errors import UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

UNITS = 1_000_000_000  # of an order, which shares are counted in
HALF_LIFE = 7  # days

# Places in a journey are numbers of a person's touches; null: there is no such place.
ONE_TOUCH = {
    "first_touch": "j.first",
    "last_touch": "j.last",
    "purchase": "j.last",
    "optin": "j.opt_in",
    "last_non_direct": "coalesce(j.last_non_direct, j.last)",
}
"""Models that credit one touch, by its place."""

# What each touch weighs beside the others of its journey, in floating point.
WEIGHTS = {
    "time_decay": f"power(0.5, (j.last_moment - t.moment) / {HALF_LIFE * 86400}.0)",
    "position": """
        case when j.first = j.last then 1.0
          when t.number in (j.first, j.last) then 0.4
          else 0.2 / (j.last - j.first - 1) end""",
    "position_w": """
        case when t.number in (j.first, j.last) or t.number is not distinct from j.opt_in
          then 0.3 * (cast(t.number = j.first as int) + cast(t.number = j.last as int)
            + cast(t.number is not distinct from j.opt_in as int))
          else 0.1 / (j.last - j.first - 1
            - cast(j.opt_in is not null and j.opt_in not in (j.first, j.last) as int)) end""",
}
"""Models that share an order out between its touches in unequal parts."""

EQUAL_PARTS = "linear"
EVERY_TOUCH = "any"  # the model by which each touch is credited in full
KEPT = (*ONE_TOUCH, EQUAL_PARTS, *WEIGHTS, EVERY_TOUCH)
MAX_DAYS = 3650

FIRST = "first_of_channel"
"""The column of credits that tells the first touch of each channel in a journey, where every touch
is credited in full and there is no window; null elsewhere. A report that counts a conversion once
in each channel need not look for it."""


class Kept(NamedTuple):
    """Credits that are kept: of a model, and of a look-back window if it has one."""

    model: str
    days: int | None  # before the order, in which touches earn credit; None: always

    @classmethod
    def named(cls, name: str) -> Kept:
        """Reads a name: the model's slug or alias, with a window such as linear@30.

        Raises:
            UsageError: There is no such model, its credits are not kept, or that is no window.
        """
        model, at, days = name.partition("@")
        slug = MODELS[model].slug
        if slug not in KEPT:
            raise UsageError(
                f"credits by the model {slug} are not kept: it looks at all journeys together;"
                f" known are {', '.join(KEPT)}"
            )
        if at and not (days.isdecimal() and 0 < int(days) <= MAX_DAYS):
            raise UsageError(f"{name}: a window is 1 to {MAX_DAYS} days, such as {slug}@30")
        return cls(slug, int(days) if at else None)

    def __str__(self) -> str:
        return self.model if self.days is None else f"{self.model}@{self.days}"


def named(names: Iterable[str]) -> list[Kept]:
    """Reads names of models, each with its window if it has one.

    Raises:
        UsageError: One is unknown.
    """
    return list(dict.fromkeys(map(Kept.named, names)))


def tables() -> list[str]:
    """Makes the tables of credits."""
    touch = ", ".join(f"{name} {type_}" for name, type_ in TOUCH.items())
    return [
        "create table models (model varchar)",
        "create table credits (model varchar, order_pk bigint, person bigint, order_moment bigint,"
        " order_day date, lead_day date, order_amount bigint, order_paid bigint,"
        " person_orders bigint, order_number bigint, number bigint, touch_moment bigint,"
        " touch_day date,"
        f" {touch}, {FIRST} boolean, share decimal(10, 9), amount bigint, paid bigint)",
        "create table lead_credits (model varchar, person bigint, lead_moment bigint,"
        f" lead_day date, number bigint, touch_moment bigint, touch_day date, {touch},"
        f" {FIRST} boolean, share decimal(10, 9))",
    ]


# The journey of each order, and of each lead: which touches of the person it credits.
JOURNEYS = """
create or replace temp table journeys as
with conversions as ({conversions})
select o.conversion, any_value(o.person) as person, any_value(o.moment) as moment,
  any_value(o.day) as day, any_value(o.lead_day) as lead_day,
  any_value(o.orders) as orders, any_value(o.order_number) as order_number,
  any_value(o.amount) as amount, any_value(o.paid) as paid,
  min(t.number) as first, max(t.number) as last, max(t.moment) as last_moment,
  max(t.number) filter (t.moment <= o.opt_in) as opt_in,
  max(t.number) filter (not t.is_direct) as last_non_direct
from conversions o
left join {touches} t on t.person = o.person and t.moment <= o.moment {window}
group by o.conversion
"""
ORDERS = """
select o.pk as conversion, p.person, o.date_created as moment, o.day, l.day as lead_day,
  o.amount, o.paid, count(*) over (partition by p.person) as orders,
  row_number() over (partition by p.person order by o.date_created, o.pk) as order_number,
  l.moment as opt_in
from orders o join {people} p on p.kind = 'order' and p.pk = o.pk
left join leads l on l.person = p.person"""
LEADS = """
select person as conversion, person, moment, day, day as lead_day, 0 as orders,
  0 as order_number, 0 as amount, 0 as paid, moment as opt_in
from leads semi join {people} p using (person)"""

CONVERSIONS = {
    "credits": (ORDERS, "*"),
    "lead_credits": (
        LEADS,
        "* exclude (conversion, lead_day, order_amount, order_paid, orders, order_number, amount,"
        " paid)",
    ),
}
"""What touches are credited with: the table of the credits, the query, and what of it is kept."""

JOURNEY = (
    "j.conversion, j.person, j.moment, j.day, j.lead_day, j.amount as order_amount,"
    " j.paid as order_paid, j.orders, j.order_number"
)
WHAT = (
    "t.number, t.moment as touch_moment, t.day as touch_day,"
    f" {', '.join(f't.{name}' for name in TOUCH)}"
)
TOUCHED = f"{WHAT}, null as {FIRST}"


BETWEEN = """from journeys j
  left join {touches} t on t.person = j.person and t.number between j.first and j.last"""


def _one_touch(place: str) -> str:
    return f"""
        select {JOURNEY}, {TOUCHED}, 1 as share, j.amount, j.paid
        from journeys j left join {{touches}} t on t.person = j.person and t.number = {place}
        """


def _every_touch(days: int | None) -> str:
    first, join = "null", ""
    if days is None:
        first = "t.number is null or f.number is not null"
        join = """left join (
          select person, min(number) as number from {touches} group by person, channel
        ) f on f.person = t.person and f.number = t.number"""
    return f"""
        select {JOURNEY}, {WHAT}, {first} as {FIRST}, 1 as share, j.amount, j.paid {BETWEEN}
        {join}
        """


def _equal_parts() -> str:
    """Equal parts; the units that are left over go to the first ones."""

    def part(total: str) -> str:
        whole = _divided(total, "touches")
        return f"{whole} + cast(place <= {total} - touches * {whole} as int)"

    return f"""
        with placed as (
          select {JOURNEY}, {TOUCHED}, j.amount, j.paid,
            coalesce(t.number - j.first + 1, 1) as place,
            coalesce(j.last - j.first + 1, 1) as touches {BETWEEN}
        )
        select * exclude (place, touches, amount, paid), {_decimal(part(str(UNITS)))} as share,
          {part("amount")} as amount, {part("paid")} as paid
        from placed
        """


def _in_proportion(weight: str) -> str:
    """Parts by largest remainder, as `attribution.rounding.share_out` does it."""
    totals = {"units": str(UNITS), "amount": "amount", "paid": "paid"}
    down = ", ".join(
        f"cast(floor(round({total} * exact, 6)) as bigint) as {name}_down,"
        f" round({total} * exact - {name}_down, 6) as {name}_lost"
        for name, total in totals.items()
    )
    left = ", ".join(
        f"{total} - cast(sum({name}_down) over of_conversion as bigint) as {name}_left,"
        f" row_number() over (partition by conversion order by {name}_lost desc, number)"
        f" as {name}_rank"
        for name, total in totals.items()
    )

    def part(name: str) -> str:
        # more is left than there are touches only where floating point ends
        each = _divided(f"{name}_left", "touches")
        return f"{name}_down + {each} + cast({name}_rank <= {name}_left - touches * {each} as int)"

    # what a touch was comes last: sorting is all the work, and best done with narrow rows
    return f"""
        with weighed as (
          select j.conversion, j.amount, j.paid, t.number, {weight} as weight {BETWEEN}
        ),
        exact as (
          select *, coalesce(weight / sum(weight) over of_conversion, 1.0) as exact,
            count(*) over of_conversion as touches
          from weighed window of_conversion as (partition by conversion)
        ),
        down as (select *, {down} from exact),
        left_over as (select *, {left} from down window of_conversion as (partition by conversion)),
        parts as (
          select conversion, number, {_decimal(part("units"))} as share,
            {part("amount")} as amount, {part("paid")} as paid
          from left_over
        )
        select {JOURNEY}, {TOUCHED}, p.share, p.amount, p.paid
        from parts p join journeys j on j.conversion = p.conversion
        left join {{touches}} t on t.person = j.person and t.number = p.number
        """


def _decimal(units: str) -> str:
    return f"cast(({units}) / {UNITS}.0 as decimal(10, 9))"


def _divided(number: str, by: str) -> str:
    """Divides whole numbers, towards minus infinity."""
    return f"(({number} - (({number} % {by}) + {by}) % {by}) // {by})"


def _sql(kept: Kept) -> str:
    model = kept.model
    if model in ONE_TOUCH:
        return _one_touch(ONE_TOUCH[model])
    if model == EQUAL_PARTS:
        return _equal_parts()
    if model == EVERY_TOUCH:
        return _every_touch(kept.days)
    return _in_proportion(WEIGHTS[model])


# -- keeping -------------------------------------------------------------------------------------


def keep(copy: DuckDBPyConnection, models: Sequence[Kept]) -> None:
    """Computes everybody's credits by models that are not kept yet."""
    copy.executemany("insert into models values (?)", [[str(model)] for model in models])
    for table in CONVERSIONS:
        credit(copy, table, models, EVERYBODY)


def changed_credits(
    copy: DuckDBPyConnection, kinds: Collection[str], *, are_touched: bool
) -> dict[str, int]:
    """Computes the credits anew of those who are `affected`; answers how many, by table.

    Args:
        copy: The copy, after their touches.
        kinds: The kinds of rows that they have or had.
        are_touched: Whether any of them has a touch.
    """
    names = copy.execute("select model from models").fetchall()
    models = [Kept.named(name) for (name,) in names]
    count = {}
    for table, kind in (("credits", "order"), ("lead_credits", "contact")):
        if models and kind in kinds:
            copy.execute(f"delete from {table} where person in (select person from affected)")
            if are_touched:
                count[table] = credit(copy, table, models, AFFECTED)
            else:
                count[table] = _credit_nobody(copy, table, models, AFFECTED)
    return count


def _credit_nobody(
    copy: DuckDBPyConnection, table: str, models: Sequence[Kept], scope: Scope
) -> int:
    """Credits orders or leads of people without a touch, by all models alike; answers how many."""
    conversions, columns = CONVERSIONS[table]
    is_first = {each: each.model == EVERY_TOUCH and each.days is None for each in models}
    kept = ", ".join(f"('{each}', {told})" for each, told in is_first.items())
    touch = ", ".join(f"cast(null as {type_}) as {name}" for name, type_ in TOUCH.items())
    found = copy.execute(f"""
        insert into {table}
        with told as (
          select m.model, {JOURNEY}, null as number, null as touch_moment, null as touch_day,
            {touch}, case when m.is_first then true end as {FIRST}, 1 as share, j.amount, j.paid
          from ({conversions.format(people=scope.people)}) j
          cross join (values {kept}) m(model, is_first)
        )
        select {columns} from told order by model, moment, conversion
        """)
    return int(found.fetchall()[0][0])


def credit(copy: DuckDBPyConnection, table: str, models: Sequence[Kept], scope: Scope) -> int:
    """Computes credits of the orders or leads of a scope by some models; answers how many."""
    conversions, columns = CONVERSIONS[table]
    count = 0
    by_window: dict[int | None, list[Kept]] = defaultdict(list)
    for kept in models:
        by_window[kept.days].append(kept)
    for days, of_window in by_window.items():
        window = "" if days is None else f"and t.moment >= o.moment - {days * 86400}"
        copy.execute(
            JOURNEYS.format(
                conversions=conversions.format(people=scope.people),
                touches=scope.touches,
                window=window,
            )
        )
        for kept in of_window:
            # by time, so that a report on some days reads no others
            found = copy.execute(
                f"insert into {table} select '{kept}', {columns} from"
                f" ({_sql(kept).format(touches=scope.touches)})"
                " order by moment, conversion, number"
            )
            count += int(found.fetchall()[0][0])
        copy.execute("drop table journeys")
    return count
