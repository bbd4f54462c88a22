"""Money. The scenario builder has nothing for it: there, it is round(parseNumber(x) * 100)."""

from __future__ import annotations

from segconnect.mapping.functions.math import round_
from segconnect.mapping.operators import multiply
from segconnect.mapping.registry import function
from segconnect.mapping.values import Number
from segconnect.types import ZERO_DECIMAL


@function('cents("12.50") → 1250', 'cents("1300"; "jpy") → 1300')
def cents(amount: Number, currency: str | None = None) -> Number:
    """An amount in units of its currency as whole cents, a half rounded away from zero.

    Currencies without a smaller unit, such as JPY, are sent in their units.
    """
    factor = 1 if (currency or "").strip().upper() in ZERO_DECIMAL else 100
    rounded: Number = round_.run(multiply(amount, factor))
    return rounded
