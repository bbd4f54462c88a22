"""Recurring revenue, and how it moves.

MRR is kept in millionths of a cent, so that sums are whole numbers and what ends is 0 exactly.
"""

from __future__ import annotations

from segconnect.account.metrics.declaring import Formula, Kind, Metric, Number, Ratio, Unit, declare
from segconnect.account.metrics.facts import MOVEMENTS, STATES

MICRO = 1_000_000
"""Parts of a cent in which MRR is summed."""


def _cents(micro: Number) -> Number:
    return micro / MICRO


def _sum(key: str, name: str, column: str, help_: str, source: str = "ours") -> Metric:
    return Metric(
        key=key, name=name, type=Kind.NUMBER, fact=STATES, column=column, help=help_, source=source
    )


def _money(
    fact_column: Metric, key: str, name: str, help_: str, source: str = "ours", *aliases: str
) -> Formula:
    return Formula(
        key=key, name=name, type=Kind.CURRENCY, parts=(fact_column,), compute=_cents,
        text="a sum", is_sum=fact_column.fact is MOVEMENTS, help=help_, source=source,
        aliases=aliases,
    )  # fmt: skip


def _micro(key: str, column: str, *, moves: bool = True) -> Metric:
    return Metric(
        key=f"{key}Micro", name=f"{key} in millionths", type=Kind.NUMBER,
        fact=MOVEMENTS if moves else STATES, column=column,
        help="Within: what the metric of this name is computed from.", source="ours",
    )  # fmt: skip


mrr = _money(
    _micro("mrr", "mrr", moves=False), "mrr", "MRR",
    "Amount × quantity of active subscriptions, brought to 30 days: a week is 7 days, a month 30,"
    " a year 365. As of the end of the range, or now. Trials are not active.",
    "help 211", "mrr30",
)  # fmt: skip
mrr_calendar = _money(
    _micro("mrrCalendar", "mrr_calendar", moves=False), "mrrCalendar", "MRR (calendar)",
    "The same brought to a calendar month: a year is 12 months, a week 12/52 of one.",
)  # fmt: skip
active = _sum(
    "activeSubscriptions", "Active Subscriptions", "is_active",
    "Subscriptions that have begun, are out of trial, and have not ended.", "help 211",
)  # fmt: skip
trialing = _sum("trialing", "Trialing", "is_trial", "Subscriptions in their trial.")
new = _sum(
    "newSubscriptions", "New Subscriptions", "is_new",
    "Active subscriptions that started in the range.", "help 211",
)  # fmt: skip
cancellations = _sum(
    "cancellations", "Cancellations", "is_ended", "Subscriptions that ended in the range.",
    "help 211, cut off",
)  # fmt: skip
active_before = _sum(
    "activeBefore", "Active 30 Days Before", "was_active",
    "Subscriptions that were active 30 days before the end of the range.",
)  # fmt: skip
ended_since = _sum(
    "endedSince", "Ended within 30 Days", "ended_since", "Of those, the ones that ended since."
)
churn = Ratio(
    key="churnRate",
    name="Churn",
    type=Kind.NUMBER,
    unit=Unit.PERCENT,
    of=ended_since,
    per=active_before,
    scale=100,
    is_rate=True,
    help="Of the subscriptions active 30 days before the end of the range, those that have ended:"
    " a rolling 30 days, whatever the range.",
    source="Clarity article; the formula is ours",
    aliases=("churn",),
)
trials_ended = _sum("trialsEnded", "Trials Ended", "trial_over", "Trials that are over.")
trials_paid = _sum(
    "trialsConverted", "Trials Converted", "trial_paid", "Of those, the ones that went on."
)
trial_conversion = Ratio(
    key="trialConversion",
    name="Trial Conversion",
    type=Kind.NUMBER,
    unit=Unit.PERCENT,
    of=trials_paid,
    per=trials_ended,
    scale=100,
    is_rate=True,
    help="Trials that went on, of those that are over by the end of the range.",
    source="ours",
)
arr = Formula(
    key="arr", name="ARR", type=Kind.CURRENCY, parts=(mrr,),
    compute=lambda monthly: monthly * 12, text="MRR × 12",
    help="Twelve times MRR.", source="ours",
)  # fmt: skip
arpu = Ratio(
    key="arpu", name="Revenue per Subscription", type=Kind.CURRENCY, of=mrr, per=active, places=6,
    help="MRR for each active subscription.", source="ours",
)  # fmt: skip
subscription_ltv = Formula(
    key="subscriptionLtv", name="Subscription LTV", type=Kind.CURRENCY, places=6,
    parts=(mrr, active, ended_since, active_before),
    compute=lambda monthly, held, ended, before: (
        monthly * before / (held * ended) if held and ended else None
    ),
    text="revenue per subscription / churn",
    help="What a subscription brings until it ends, at today's churn; nothing without churn.",
    source="ours",
)  # fmt: skip

opening = _micro("openingMrr", "opening", moves=False)
opening_mrr = _money(opening, "openingMrr", "Opening MRR", "MRR as the range began.")
new_mrr = _money(
    _micro("newMrr", "new_mrr"), "newMrr", "New MRR", "Of people who had none ever before."
)
expansion_mrr = _money(
    _micro("expansionMrr", "expansion"), "expansionMrr", "Expansion MRR",
    "Of people who pay more than the day before, and paid something then.",
)  # fmt: skip
contraction_mrr = _money(
    _micro("contractionMrr", "contraction"), "contractionMrr", "Contraction MRR",
    "Lost of people who pay less than the day before, and still something.",
)  # fmt: skip
churned_mrr = _money(
    _micro("churnedMrr", "churned"), "churnedMrr", "Churned MRR", "Lost of people who pay nothing"
    " any more.",
)  # fmt: skip
reactivated_mrr = _money(
    _micro("reactivatedMrr", "reactivated"), "reactivatedMrr", "Reactivated MRR",
    "Of people who paid nothing the day before, and did once.",
)  # fmt: skip
net_new_mrr = Formula(
    key="netNewMrr", name="Net New MRR", type=Kind.CURRENCY, is_sum=True,
    parts=(new_mrr, expansion_mrr, reactivated_mrr, contraction_mrr, churned_mrr),
    compute=lambda new, more, again, less, lost: new + more + again - less - lost,
    text="new + expansion + reactivated − contraction − churned",
    help="By how much MRR changed in the range.", source="ours",
)  # fmt: skip
gross_churn = Formula(
    key="grossMrrChurn", name="Gross MRR Churn", type=Kind.NUMBER, unit=Unit.PERCENT,
    parts=(contraction_mrr, churned_mrr, opening_mrr),
    compute=lambda less, lost, before: 100 * (less + lost) / before if before else None,
    text="(contraction + churned) / opening MRR × 100",
    help="MRR lost in the range, of MRR as it began.", source="ours",
)  # fmt: skip
net_churn = Formula(
    key="netMrrChurn", name="Net MRR Churn", type=Kind.NUMBER, unit=Unit.PERCENT,
    parts=(contraction_mrr, churned_mrr, expansion_mrr, reactivated_mrr, opening_mrr),
    compute=lambda less, lost, more, again, before: (
        100 * (less + lost - more - again) / before if before else None
    ),
    text="(contraction + churned − expansion − reactivated) / opening MRR × 100",
    help="The same less what those who were there brought more; below 0 where that is more.",
    source="ours",
)  # fmt: skip

declare(
    mrr, mrr_calendar, arr, active, trialing, new, cancellations, churn, arpu, subscription_ltv,
    opening_mrr, new_mrr, expansion_mrr, contraction_mrr, churned_mrr, reactivated_mrr,
    net_new_mrr, gross_churn, net_churn, trial_conversion, trials_ended, trials_paid,
    active_before, ended_since,
)  # fmt: skip
