"""What an owner chooses of reports: on which day a week begins, and what counts as revenue."""

from __future__ import annotations

from dataclasses import dataclass

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Switches:
    """What counts as revenue; the defaults are those of the hosted service."""

    exclude_failed: bool = False
    exclude_refunded: bool = False
    exclude_tax: bool = False
    exclude_shipping: bool = False
