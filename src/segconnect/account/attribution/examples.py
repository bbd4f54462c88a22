"""A worked example of each model, for its card; a test holds the models to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Row: TypeAlias = tuple[str, float, float, float, int]  # path, conversions, value, null, optin


@dataclass(frozen=True)
class Example:
    """A table, what a model makes of it, and how a person gets to that with a pencil."""

    worked: str
    expected: dict[str, float]  # the conversions of each channel
    settings: dict[str, Any] = field(default_factory=dict)
    rows: tuple[Row, ...] = (("ad > email > search > direct", 10, 500, 0, 2),)
    null: bool = False


CHAIN: tuple[Row, ...] = (
    ("ad > email > search", 1, 100, 0, 0),
    ("ad", 0, 0, 1, 0),
    ("email > search", 0, 0, 1, 0),
)

EXAMPLES: dict[str, Example] = {
    "any": Example(
        "All four channels were touched, so each gets all 10 conversions: 40 in the rows, where"
        " there were 10.",
        {"ad": 10, "direct": 10, "email": 10, "search": 10},
    ),
    "first_touch": Example(
        "The journey began with the ad.", {"ad": 10, "direct": 0, "email": 0, "search": 0}
    ),
    "optin": Example(
        "The opt-in came with the second step, the email.",
        {"ad": 0, "direct": 0, "email": 10, "search": 0},
    ),
    "purchase": Example(
        "The direct visit was the last before the purchase.",
        {"ad": 0, "direct": 10, "email": 0, "search": 0},
    ),
    "last_touch": Example(
        "The direct visit was the last.", {"ad": 0, "direct": 10, "email": 0, "search": 0}
    ),
    "last_non_direct": Example(
        "The direct visit is passed over; before it came the search.",
        {"ad": 0, "direct": 0, "email": 0, "search": 10},
    ),
    "linear": Example(
        "Four touches, a quarter of 10 each.",
        {"ad": 2.5, "direct": 2.5, "email": 2.5, "search": 2.5},
    ),
    "position": Example(
        "First and last get 0.4 × 10 = 4 each; the two between share 0.2 × 10 = 2.",
        {"ad": 4, "direct": 4, "email": 1, "search": 1},
    ),
    "position_w": Example(
        "First, opt-in and last get 0.3 × 10 = 3 each; the search is left with 0.1 × 10 = 1.",
        {"ad": 3, "direct": 3, "email": 3, "search": 1},
    ),
    "time_decay": Example(
        "Steps are a day apart and the half-life is one day, so the weights are 1/8, 1/4, 1/2 and"
        " 1: in all 15/8. The direct visit gets 8/15 of 10, the ad 1/15.",
        {"ad": 0.666667, "direct": 5.333333, "email": 1.333333, "search": 2.666667},
        settings={"half_life": 1},
    ),
    "markov": Example(
        "Of three journeys two start at the ad, one at the email. From the ad half go on to the"
        " email and half are lost; from the email all go on to the search, where half convert. So"
        " 2/3 × 1/2 × 1/2 + 1/3 × 1/2 = 1/3 convert. Without the ad it is 1/3 × 1/2 = 1/6, half"
        " as many: removal effect 0.5. Without the email or the search nobody converts: 1 each."
        " Shares 0.5, 1 and 1 of 2.5.",
        {"ad": 0.2, "email": 0.4, "search": 0.4},
        rows=CHAIN,
        null=True,
    ),
    "shapley": Example(
        "Alone the ad suffices for 6 conversions and the email for 2; together for all 12. The ad"
        " adds 6 where it joins first and 12 - 2 = 10 where it joins second: 8 on average. The"
        " email adds 2 or 12 - 6 = 6: 4.",
        {"ad": 8, "email": 4},
        rows=(("ad", 6, 0, 0, 0), ("email", 2, 0, 0, 0), ("ad > email", 4, 0, 0, 0)),
    ),
}
"""One for each model, by its slug."""
