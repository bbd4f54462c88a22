"""What visits are credited with for a lead: its first contact is the conversion.

Orders have their credits kept in the replica. Those of leads are worked out here, by the same rules
and for the range of the report alone.
"""

from __future__ import annotations

ONE_VISIT = {
    "first_touch": "j.first",
    "last_touch": "j.last",
    "purchase": "j.last",
    "optin": "j.last",  # of a lead the opt-in is the conversion
    "last_non_direct": "coalesce(j.last_non_direct, j.last)",
}
"""Models that credit one visit, by its number."""

WEIGHTS = {
    "any": "1.0",
    "linear": "1.0",
    "time_decay": "power(0.5, (j.last_moment - t.moment) / 604800.0)",
    "position": "case when j.first = j.last then 1.0 when t.number in (j.first, j.last) then 0.4"
    " else 0.2 / (j.last - j.first - 1) end",
    "position_w": "case when j.first = j.last then 1.0 when t.number = j.first then 0.3"
    " when t.number = j.last then 0.6 else 0.1 / (j.last - j.first - 1) end",
}
"""What each visit weighs beside the others of its journey."""

MODELS = (*ONE_VISIT, *WEIGHTS)


def journeys(leads: str) -> str:
    """Writes the journey of each lead: which visits came before it, or made it."""
    return f"""
select l.person, min(t.number) as first, max(t.number) as last, max(t.moment) as last_moment,
  max(case when not t.is_direct then t.number end) as last_non_direct
from {leads} l join touches t on t.person = l.person and t.moment <= l.moment
group by l.person"""


def credits_of(model: str, columns: str) -> str:
    """Writes the credits of leads by a model: a row for each visit that earns one.

    Args:
        model: Its slug.
        columns: What of the visit is wanted, over t.
    """
    of_person = "from lead_journeys j join touches t on t.person = j.person"
    if model in ONE_VISIT:
        return (
            f"select j.person as conversion, 1 as share, {columns} {of_person}"
            f" and t.number = {ONE_VISIT[model]}"
        )
    weight = WEIGHTS[model]
    within = f"{of_person} and t.number between j.first and j.last"
    if model == "any":
        return f"select j.person as conversion, 1 as share, {columns} {within}"
    return (
        f"select j.person as conversion, ({weight}) / sum({weight}) over (partition by j.person)"
        f" as share, {columns} {within}"
    )
