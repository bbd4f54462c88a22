"""How values are shown on pages: moments, numbers, money."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape
from pydantic_core import to_json

from segconnect import clock
from segconnect.types import money

_STEPS = ((86_400 * 2, 86_400, "day"), (3_600, 3_600, "hour"), (60, 60, "minute"))


def moment(milliseconds: int | None, zone: str = "UTC") -> Markup:
    """Shows a moment by how long ago it was; the exact one is seen on hover."""
    if milliseconds is None:
        return Markup("")
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    local = at.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), f"{local:%Y-%m-%d %H:%M:%S} {zone}", _ago(at, local)
    )


def _ago(at: datetime, local: datetime) -> str:
    seconds = (clock.now() - at).total_seconds()
    if abs(seconds) < 45:
        return "just now" if seconds >= 0 else "in a moment"
    if abs(seconds) > 86_400 * 30:
        return f"{local:%d %b %Y}"
    _, length, unit = next((step for step in _STEPS if abs(seconds) >= step[0]), _STEPS[-1])
    count = max(1, round(abs(seconds) / length))
    told = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{told} ago" if seconds >= 0 else f"in {told}"


def number(value: float | None) -> str:
    """Shows a count."""
    return "" if value is None else f"{value:,}"


def duration(milliseconds: float) -> str:
    """Shows how long something took."""
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def amount(cents: int | None, currency: str) -> str:
    """Shows money."""
    return "" if cents is None else money(cents, currency)


def state(name: str) -> Markup:
    """Shows where a run is: by a word, a colour and a sign."""
    kind, sign = _STATES.get(name, ("", "•"))
    return Markup('<span class="state {}"><i aria-hidden="true">{}</i>{}</span>').format(
        kind, sign, escape(name)
    )


_STATES = {
    "succeeded": ("good", "✓"),
    "resolved": ("good", "✓"),
    "partial": ("warn", "!"),
    "paused": ("warn", "⏸"),
    "scheduled": ("warn", "↻"),
    "unresolved": ("bad", "!"),
    "failed": ("bad", "✕"),
    "canceled": ("", "⊘"),
    "dropped": ("", "⊘"),
    "running": ("live", "●"),
    "queued": ("", "○"),
    "on": ("good", "●"),
    "off": ("", "○"),
}


def pretty(value: Any) -> str:
    """Shows values as JSON."""
    return json.dumps(json.loads(to_json(value)), indent=2, ensure_ascii=False)


FILTERS: dict[str, Callable[..., Any]] = {
    "moment": moment,
    "pretty": pretty,
    "number": number,
    "duration": duration,
    "amount": amount,
    "state": state,
}
