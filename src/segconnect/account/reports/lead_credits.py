"""What visits are credited with for a lead: its first contact is the conversion.

Orders have their credits kept in the replica. Those of leads are worked out here, by the same rules
and for the range of the report alone.
"""

from __future__ import annotations

from segconnect.account.replica.crediting import EQUAL_PARTS, EVERY_TOUCH, ONE_TOUCH, WEIGHTS


def journeys(leads: str, days: int | None) -> str:
    """Writes the journey of each lead: which visits came before it, or made it.

    The opt-in, which some models look for, is where it ends.

    Args:
        leads: The view of the leads that are asked about.
        days: The window before it; None: all visits count.
    """
    window = "" if days is None else f" and t.moment >= l.moment - {days * 86400}"
    return f"""
select l.person, min(t.number) as first, max(t.number) as last, max(t.number) as opt_in,
  max(t.moment) as last_moment,
  max(case when not t.is_direct then t.number end) as last_non_direct
from {leads} l join touches t on t.person = l.person and t.moment <= l.moment{window}
group by l.person"""


def credits_of(model: str, columns: str) -> str:
    """Writes the credits of leads by a model: a row for each visit that earns one.

    Args:
        model: Its slug.
        columns: What of the visit is wanted, over t.
    """
    visits = "from lead_journeys j join touches t on t.person = j.person and t.number"
    if model in ONE_TOUCH:
        return f"select j.person as conversion, 1 as share, {columns} {visits} = {ONE_TOUCH[model]}"
    within = f"{visits} between j.first and j.last"
    if model == EVERY_TOUCH:
        return f"select j.person as conversion, 1 as share, {columns} {within}"
    weight = "1.0" if model == EQUAL_PARTS else WEIGHTS[model]
    whole = f"sum({weight}) over (partition by j.person)"
    return f"select j.person as conversion, ({weight}) / {whole} as share, {columns} {within}"
