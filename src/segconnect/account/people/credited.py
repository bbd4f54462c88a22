"""What earned the orders of one person: the touches that a model credits, and their shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from segconnect.account.replica import Facts


class Credit(NamedTuple):
    """Touches of one origin that an order is credited to."""

    order_id: str
    moment: int  # of the order, seconds UTC
    amount: int  # of the order, cents
    channel: str | None  # None: nobody is credited
    source: str
    touches: int
    share: float  # of the order; of a model that credits each touch in full, their number


QUERY = """
select any_value(o.order_id), any_value(o.date_created), any_value(o.amount), c.channel,
  concat_ws(' / ', c.utm_source, c.utm_medium, c.utm_campaign) as source, count(*),
  cast(sum(c.share) as double), o.pk
from credits c join orders o on o.pk = c.order_pk
where c.model = ? and o.pk in (
  select pk from people where kind = 'order' and person in (
    select person from people where kind = 'contact' and pk = ?))
group by o.pk, c.channel, source
order by 2 desc, o.pk, min(c.number)
"""


def credits_of(facts: Facts, model: str, contact_pk: int) -> Sequence[list[Credit]]:
    """Answers the credits of each order of the person behind a contact, the newest order first."""
    rows: list[Any] = facts.connection.execute(QUERY, [model, contact_pk]).fetchall()
    found: dict[int, list[Credit]] = {}
    for *credit, order_pk in rows:
        found.setdefault(order_pk, []).append(Credit(*credit))
    return list(found.values())
