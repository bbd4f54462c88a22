"""What the touches of one journey earn of one conversion, in shares and in cents."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from segconnect.account.attribution.models import Model
from segconnect.account.attribution.rounding import share_out
from segconnect.account.attribution.touches import Conversion, Journey, Touch


@dataclass(frozen=True, slots=True)
class Credit:
    """What a touch earned; without a touch, what nobody did."""

    touch: Touch | None
    share: Fraction
    cents: int


def credits_of(
    conversion: Conversion, journey: Journey, model: Model, **settings: Any
) -> list[Credit]:
    """Credits the touches of a conversion's journey, in its order; touches that earn nothing too.

    By a fractional model the shares add up to 1 and the cents to the conversion's value; what no
    touch earned is a credit of its own, the last. By one that is not, nothing adds up.
    """
    shares = model.shares(journey, **settings)
    if not model.is_fractional:
        return [
            Credit(touch, share, round(share * conversion.value))
            for touch, share in zip(journey.touches, shares, strict=True)
        ]
    touches: list[Touch | None] = list(journey.touches)
    if left := Fraction(1) - sum(shares, Fraction()):
        touches.append(None)
        shares.append(left)
    cents = share_out(conversion.value, shares)
    return [Credit(*each) for each in zip(touches, shares, cents, strict=True)]
