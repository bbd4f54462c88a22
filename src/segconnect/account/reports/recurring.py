"""The views of subscriptions and of recurring revenue: see `views`."""

from __future__ import annotations

from segconnect.account.metrics.subscriptions import MICRO
from segconnect.account.reports.cte import View, named

_DAYS = (
    "case s.billing_cycle when 'year' then 365 when 'month' then 30 when 'week' then 7 else 1 end"
)
_PER_YEAR = (
    "case s.billing_cycle when 'year' then 1 when 'month' then 12 when 'week' then 52 else 365 end"
)
TERMS = View(
    {
        "pk": "s.pk",
        "person": "p.person",
        "starts": "s.day",
        "trial_end_day": "s.trial_end_day",
        "begins": "case when s.trial_end_day > s.day then s.trial_end_day else s.day end",
        "ends": "case when s.canceled_day is null or s.end_day < s.canceled_day then s.end_day"
        " else s.canceled_day end",
        "mrr": "cast(round(cast(s.amount as double precision) * s.quantity * 30"
        f" * {MICRO} / (s.frequency * {_DAYS})) as bigint)",
        "mrr_calendar": "cast(round(cast(s.amount as double precision) * s.quantity * {_PER_YEAR}"
        f" * {MICRO} / (s.frequency * 12)) as bigint)".replace("{_PER_YEAR}", _PER_YEAR),
        "product": "d.name",
        "plan": "d.name || ', every ' || case when s.frequency = 1 then s.billing_cycle"
        " else cast(s.frequency as varchar) || ' ' || s.billing_cycle || 's' end",
    },
    "subscriptions s",
    {
        "p": "join people p on p.kind = 'subscription' and p.pk = s.pk",
        "d": "left join products d on d.integration_pk = s.integration_pk"
        " and d.product_id = s.product_id",
    },
)


def _active(day: str) -> str:
    """Begun, and not ended, at the end of a day."""
    return f"f.begins <= {day} and (f.ends is null or f.ends > {day})"


_IS_ACTIVE, _WAS_ACTIVE = _active("k.last"), _active("k.before")
_IS_TRIAL = (
    "f.starts <= k.last and f.trial_end_day > k.last and (f.ends is null or f.ends > k.last)"
)
_TRIAL_PAID = "f.trial_end_day <= k.last and (f.ends is null or f.ends > f.trial_end_day)"
_IS_ENDED = "f.ends between k.first and k.last and f.starts <= f.ends"


def _either(condition: str, then: str = "1") -> str:
    return f"case when {condition} then {then} else 0 end"


STATES = View(
    {
        **named("f", ("pk", "person", "product", "plan")),
        "bucket": "k.bucket",
        "one": "1",
        "mrr": _either(_IS_ACTIVE, "f.mrr"),
        "mrr_calendar": _either(_IS_ACTIVE, "f.mrr_calendar"),
        "opening": _either(_active("k.eve"), "f.mrr"),
        "is_active": _either(_IS_ACTIVE),
        "was_active": _either(_WAS_ACTIVE),
        "is_new": _either(f"{_IS_ACTIVE} and f.starts >= k.first"),
        "is_trial": _either(_IS_TRIAL),
        "is_ended": _either(_IS_ENDED),
        "ended_since": _either(f"{_WAS_ACTIVE} and f.ends <= k.last"),
        "trial_over": _either("f.trial_end_day <= k.last"),
        "trial_paid": _either(_TRIAL_PAID),
        "status": f"case when {_IS_ACTIVE} then 'active' when {_IS_TRIAL} then 'trialing'"
        " when f.ends <= k.last then 'ended' else 'pending' end",
    },
    "terms f cross join periods k",
)

MRR_CHANGES = """
select person, begins as day, mrr as delta from terms
where mrr > 0 and (ends is null or ends > begins)
union all
select person, ends, -mrr from terms where mrr > 0 and ends > begins"""

MRR_RUNNING = """
select person, day, delta,
  sum(delta) over (partition by person order by day rows unbounded preceding) as rest,
  count(*) over (partition by person order by day
    rows between unbounded preceding and 1 preceding) as earlier
from mrr_days"""

MOVEMENTS = """
select person, day, 1 as one,
  case when rest > 0 and rest = delta and earlier = 0 then delta else 0 end as new_mrr,
  case when rest > 0 and rest = delta and earlier > 0 then delta else 0 end as reactivated,
  case when delta > 0 and rest > delta then delta else 0 end as expansion,
  case when delta < 0 and rest > 0 then -delta else 0 end as contraction,
  case when delta < 0 and rest = 0 then -delta else 0 end as churned
from mrr_running"""
