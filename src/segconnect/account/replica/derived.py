"""Who is who, and which visits they made: computed from the copied tables, in DuckDB.

Everything is told by what was copied alone, so that what is computed anew for those who changed
equals what is computed from scratch. `attribution.touches.fold` says in a few lines what a touch
is; what is here computes the same for everybody at once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from segconnect.account.replica import selling
from segconnect.account.replica.origins import COLUMNS, UTM

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TOUCH = {
    "kind": "varchar",
    "visitor_pk": "bigint",
    "contact_pk": "bigint",
    "channel": "varchar",
    **dict.fromkeys(UTM, "varchar"),
    "referrer_host": "varchar",
    "landing_page": "varchar",
    "ad_id": "varchar",
    "is_direct": "boolean",
    "device": "varchar",
    "country_code": "varchar",
    "region": "varchar",
    "city": "varchar",
}
"""The columns that say what a touch was."""

VISIT = 30 * 60  # seconds: what follows within them, and tells no other origin, is the same visit
TOLD = (
    24 * 3600
)  # seconds for which what was seen speaks, and what a contact's fields tell does not

# -- people --------------------------------------------------------------------------------------

# Who is not known from tracking has a negative number: of the email, or of the row alone.
ALONE = "-(4398046511104 + cast(hash({email}) >> 2 as bigint))"  # below those of rows: 2 ** 42

VISITORS = """
insert into people
select 'visitor', pk, person from identities i where kind = 'visitor' {some}
"""
CONTACTS = f"""
insert into people
select 'contact', c.pk, coalesce(e.person, i.person, {ALONE.format(email="c.email")}, -3 * c.pk)
from contacts c
left join identities e on e.kind = 'email' and e.value = c.email
left join identities i on i.kind = 'contact' and i.value = c.contact_id
where true {{some}}
"""

OWNED = f"""
insert into people
select '{{kind}}', o.pk,
  coalesce(c.person, e.person, {ALONE.format(email="o.email")}, -3 * o.pk - {{offset}})
from {{table}} o
left join people c on c.kind = 'contact' and c.pk = o.contact_pk
left join identities e on o.contact_pk is null and e.kind = 'email' and e.value = o.email
where true {{some}}
"""
KINDS = (("order", "orders", 1), ("subscription", "subscriptions", 2))


def everybody(copy: DuckDBPyConnection) -> None:
    """Tells of every visitor, contact, order and subscription who it is."""
    copy.execute(VISITORS.format(some=""))
    copy.execute(CONTACTS.format(some=""))
    for kind, table, offset in KINDS:
        copy.execute(OWNED.format(kind=kind, table=table, offset=offset, some=""))


def begin(copy: DuckDBPyConnection) -> None:
    """Makes the places for what a refresh finds out."""
    for statement in (
        "create or replace temp table changed (kind varchar, pk bigint)",
        "create or replace temp table affected (person bigint, has_other_touches boolean)",
        "create or replace temp table renamed (kind varchar, value varchar)",
    ):
        copy.execute(statement)


def note_tracked(copy: DuckDBPyConnection, tables: Collection[str]) -> None:
    """Notes whom changes of tracking concern, by the tables that changed."""
    if "identities" in tables:
        of_keys = "from identities i join keys_identities k using (pk)"
        copy.execute(f"insert into changed select 'visitor', pk {of_keys} where kind = 'visitor'")
        copy.execute(f"insert into renamed select kind, value {of_keys} where kind <> 'visitor'")
    if "page_views" in tables:
        copy.execute("insert into changed select 'visitor', visitor_pk from keys_page_views")


def changed_people(copy: DuckDBPyConnection, *, are_renamed: bool) -> set[str]:
    """Tells anew who is who of those in `changed`, and of those that `renamed` identities name.

    Puts all whom that concerns, before and after, into `affected`, and what is theirs into the
    people of the scope AFFECTED.

    Args:
        copy: The copy, after its tables were read anew.
        are_renamed: Whether there may be identities in `renamed`.

    Returns:
        The kinds of rows that those have or had; none if nobody is concerned: a new first name
        concerns nobody. What they have nothing of need not be computed.
    """
    if are_renamed:
        copy.execute("""
            insert into changed
            select 'contact', c.pk from contacts c
            where c.email in (select value from renamed where kind = 'email')
            or c.contact_id in (select value from renamed where kind = 'contact')
            """)
    kinds = _kinds(copy, "changed")
    if "contact" in kinds or are_renamed:
        for kind, table, _ in KINDS:
            copy.execute(f"""
                insert into changed
                select '{kind}', o.pk from {table} o
                where o.contact_pk in (select pk from changed where kind = 'contact')
                or (o.contact_pk is null
                    and o.email in (select value from renamed where kind = 'email'))
                """)
        kinds = _kinds(copy, "changed")
    if not kinds:
        return kinds
    affect = (
        "insert into affected select p.person, p.kind in ('contact', 'visitor') from people p"
        " semi join changed c on c.kind = p.kind and c.pk = p.pk"
    )
    if copy.execute(affect).fetchall() != [(0,)]:
        copy.execute("delete from people p using changed c where c.kind = p.kind and c.pk = p.pk")
    some = "and {}.pk in (select pk from changed where kind = '{}')"
    if "visitor" in kinds:
        copy.execute(VISITORS.format(some=some.format("i", "visitor")))
    if "contact" in kinds:
        copy.execute(CONTACTS.format(some=some.format("c", "contact")))
    for kind, table, offset in KINDS:
        if kind in kinds:
            some_owned = some.format("o", kind)
            copy.execute(OWNED.format(kind=kind, table=table, offset=offset, some=some_owned))
    copy.execute(affect)
    _own(copy, AFFECTED.people, "people", "affected")
    return kinds | _kinds(copy, AFFECTED.people)


def _kinds(copy: DuckDBPyConnection, table: str) -> set[str]:
    return {kind for (kind,) in copy.execute(f"select distinct kind from {table}").fetchall()}


def _own(copy: DuckDBPyConnection, own: str, whole: str, persons: str) -> int:
    """Copies out of a table what is of some persons; answers how many rows that is."""
    found = copy.execute(
        f"create or replace temp table {own} as from {whole} semi join {persons} a using (person)"
    ).fetchall()
    return int(found[0][0])


# -- touches -------------------------------------------------------------------------------------


def _campaign(table: str) -> str:
    """The five UTM parameters as one text; null where there is none."""
    parts = ", ".join(f"coalesce({table}.{name}, '')" for name in UTM)
    return f"nullif(concat_ws(chr(31), {parts}), repeat(chr(31), {len(UTM) - 1}))"


# In this order what comes first of one second tells most.
EARLY = "moment, source, is_direct, tie, hit"
ORDER = "moment, source, is_direct, channel, utm nulls first, ad_id nulls first, tie, hit"

# All that was seen or told, in order of time: what comes 30 minutes after what was before it begins
# a stay. In a stay a visit begins with what names another origin than what was before it: another
# channel, or of the same channel another campaign or ad. So what is direct and does not begin a
# stay says nothing, and is left out early: that is most of what there is.
TOUCHES = f"""
insert into touches by name
with views as (
  select p.person, v.date_created as moment, 0 as source, v.visitor_pk as tie, v.hit,
    v.channel, {_campaign("v")} as utm, v.ad_id,
    v.channel = 'direct' and utm is null and v.ad_id is null as is_direct, false as is_known
  from {{views}} v join {{people}} p on p.kind = 'visitor' and p.pk = v.visitor_pk
  where v.device <> 'bot'
),
own as (
  select p.person, c.date_created as moment, 1 as source, c.pk as tie, 0 as hit,
    o.channel, {_campaign("o")} as utm, o.ad_id, false as is_direct,
    lag(c.date_created) over (partition by p.person order by c.date_created, c.pk) as told_before
  from origins o join contacts c on c.pk = o.contact_pk
  join {{people}} p on p.kind = 'contact' and p.pk = c.pk
),
told as (
  select o.* exclude (told_before), coalesce(o.moment - v.moment <= {TOLD}, false) as is_known
  from own o
  asof left join (select person, moment, channel, utm, ad_id from views where not is_direct) v
    on v.person = o.person and v.moment <= o.moment
  where (o.told_before is null or o.moment - o.told_before > {TOLD})
    and (not is_known
      or (o.moment - v.moment < {VISIT} and o.channel = v.channel
        and coalesce(o.utm = v.utm, true) and coalesce(o.ad_id = v.ad_id, true)))
),
timed as (
  select *, coalesce(moment - lag(moment) over in_order >= {VISIT}, true) as is_gap
  from (select * from views union all by name select * from told)
  window in_order as (partition by person order by {EARLY})
),
stays as (
  select *, sum(cast(is_gap as int)) over (partition by person order by {EARLY}) as stay
  from timed
),
telling as (
  select *, row_number() over in_order = 1 as is_start,
    last_value(case when not is_direct then channel end ignore nulls) over before
      as channel_before
  from stays where is_gap or not is_direct
  window in_order as (partition by person, stay order by {ORDER}),
    before as (partition by person, stay order by {ORDER}
      rows between unbounded preceding and 1 preceding)
),
runs as (
  select *, not is_direct and channel is distinct from channel_before as is_other,
    sum(cast(is_other as int)) over (partition by person, stay order by {ORDER}) as run
  from telling
),
compared as (
  select *, last_value(utm ignore nulls) over before as utm_before,
    last_value(ad_id ignore nulls) over before as ad_before
  from runs window before as (partition by person, stay, run order by {ORDER}
    rows between unbounded preceding and 1 preceding)
),
parted as (
  select *, sum(cast(
      is_start
      or (not is_known and is_other and (source = 0 or channel_before is not null))
      or coalesce(not is_known and (utm <> utm_before or ad_id <> ad_before), false) as int)
    ) over (partition by person order by {ORDER}) as visit,
    row_number() over (partition by person order by {ORDER}) as place
  from compared
),
visits as (
  select person, visit, min(moment) as moment,
    arg_min({{{{'moment': moment, 'visitor_pk': tie, 'hit': hit}}}}, place)
      filter (source = 0) as view,
    arg_min(case when source = 1 then tie else -1 end, (is_direct, place)) as contact_pk,
    max(utm) as utm, max(ad_id) as ad_id, bool_and(is_direct) as is_direct
  from parted group by person, visit
)
select s.person, row_number() over (partition by s.person order by s.moment, s.visit) as number,
  s.moment, case when v.date_created = s.moment then v.day else c.day end as day,
  case when o.contact_pk is null then 'visit' else 'contact' end as kind,
  v.visitor_pk, o.contact_pk,
  coalesce(o.channel, v.channel) as channel,
  {
    ", ".join(
        f"coalesce(o.{n}, case when o.channel is null then v.{n} end,"
        f" nullif(split_part(s.utm, chr(31), {place}), '')) as {n}"
        for place, n in enumerate(UTM, 1)
    )
},
  coalesce(o.referrer_host, case when o.channel is null then v.referrer_host end) as referrer_host,
  coalesce(v.host || v.path, o.landing_page) as landing_page,
  coalesce(o.ad_id, case when o.channel is null then v.ad_id end, s.ad_id) as ad_id,
  s.is_direct,
  v.device, v.country_code, v.region, v.city
from visits s
left join {{views}} v on v.visitor_pk = s.view.visitor_pk and v.date_created = s.view.moment
  and v.hit = s.view.hit
left join origins o on o.contact_pk = s.contact_pk
left join contacts c on c.pk = o.contact_pk
order by s.person, number
"""


class Scope(NamedTuple):
    """The tables that touches and credits are computed from: whole ones, or a part of them."""

    people: str = "people"
    views: str = "page_views"
    touches: str = "touches"


EVERYBODY = Scope()
AFFECTED = Scope("own_people", touches="own_touches")
"""Those who changed, copied out of the whole at once, so that no question after it reads it all."""
MOVED = Scope("moved_people", "moved_views")
"""Those of them whose touches may have changed."""


def tables() -> list[str]:
    """Makes the tables that are computed."""
    touch = ", ".join(f"{name} {type_}" for name, type_ in TOUCH.items())
    origin = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
    return [
        f"create table origins ({origin})",
        "create table people (kind varchar, pk bigint, person bigint)",
        "create table leads (person bigint, moment bigint, day date, contact_pk bigint)",
        *selling.tables(),
        f"create table touches (person bigint, number bigint, moment bigint, day date, {touch})",
    ]


# People with a contact, and since when they have one.
LEADS = """
insert into leads
select p.person, min(c.date_created), min(c.day), min(c.pk)
from contacts c join {people} p on p.kind = 'contact' and p.pk = c.pk
group by p.person order by 2, 1
"""


def all_leads(copy: DuckDBPyConnection) -> None:
    """Tells since when everybody is a lead."""
    copy.execute(LEADS.format(people=EVERYBODY.people))


def changed_leads(copy: DuckDBPyConnection) -> int:
    """Tells it anew of those who are `affected`, after their touches; answers how many."""
    copy.execute("delete from leads where person in (select person from affected)")
    return int(copy.execute(LEADS.format(people=AFFECTED.people)).fetchall()[0][0])


def all_touches(copy: DuckDBPyConnection) -> None:
    """Finds everybody's touches."""
    copy.execute(TOUCHES.format(**EVERYBODY._asdict()))


def changed_touches(copy: DuckDBPyConnection, kinds: Collection[str]) -> tuple[int, bool]:
    """Finds the touches anew of those who are `affected`, of whom there are these kinds of rows.

    Leaves them in the touches of the scope AFFECTED.

    Returns:
        How many were found, and whether any of those who are affected has one.
    """
    found = 0
    if "contact" in kinds or "visitor" in kinds:  # who has neither has no touch
        persons = "(select distinct person from affected where has_other_touches)"
        copy.execute(f"delete from touches where person in {persons}")
        _own(copy, MOVED.people, AFFECTED.people, persons)
        seen = (
            f"semi join (select pk from {MOVED.people} where kind = 'visitor') p"
            " on p.pk = v.visitor_pk"
        )
        views = copy.execute(
            f"create or replace temp table {MOVED.views} as select v.* from page_views v"
            f" {seen if 'visitor' in kinds else 'limit 0'}"
        ).fetchall()
        told = (
            f"select 1 from origins o semi join {MOVED.people} p"
            " on p.kind = 'contact' and p.pk = o.contact_pk limit 1"
        )
        if views[0][0] or copy.execute(told).fetchall():
            found = int(copy.execute(TOUCHES.format(**MOVED._asdict())).fetchall()[0][0])
    return found, _own(copy, AFFECTED.touches, "touches", "affected") > 0
