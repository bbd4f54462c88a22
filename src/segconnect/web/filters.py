"""How values are shown on pages: moments, numbers, money."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape
from pydantic_core import to_json

from segconnect import clock
from segconnect.types import ZERO_DECIMAL, money

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
    """Shows money, with the sign of its currency where everybody knows it."""
    if cents is None:
        return ""
    digits = money(abs(cents), currency).partition(" ")[0]
    sign = "−" if cents < 0 else ""
    known = SIGNS.get(currency)
    return f"{sign}{known}{digits}" if known else f"{sign}{digits}\u00a0{currency}"


def brief(cents: int, currency: str) -> Markup:
    """Shows money in a large figure: of thousands, no cents; all of it is seen on hover."""
    whole = amount(cents, currency)
    shown = whole.partition(".")[0] if currency in SIGNS and abs(cents) >= 1_000_00 else whole
    return Markup('<span title="{}">{}</span>').format(whole, shown)


def units(value: float | None, currency: str) -> str:
    """Shows money that is given in units of its currency, as the reporting API does."""
    places = 0 if currency in ZERO_DECIMAL else 2
    return "" if value is None else amount(round(value * 10**places), currency)


def change(now: float | None, before: float | None, *, more_is: str = "good") -> Markup:
    """Shows by how much a figure changed: more may be good, bad, or neither.

    Of one that has no value, such as a cost for each of no customers, nothing is shown.
    """
    if now is None or not (now or before):
        return Markup("")
    if not before:
        return Markup('<span class="change">new</span>')
    share = (now - before) / abs(before)
    if abs(share) < 0.0005:
        return Markup('<span class="change">±0%</span>')
    kind = "" if more_is == "neither" else ("good" if (share > 0) == (more_is == "good") else "bad")
    shown = f"{abs(share):.0%}" if abs(share) >= 0.1 else f"{abs(share):.1%}"
    shown = "×" + f"{share + 1:,.0f}" if share > 9.99 else shown
    sign, word = ("▲", "more") if share > 0 else ("▼", "less")
    return Markup(
        '<span class="change {}"><i aria-hidden="true">{}</i> {}'
        '<span class="skip"> {}</span></span>'
    ).format(kind, sign, shown, word)


SIGNS = {
    "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "AUD": "A$", "CAD": "C$", "NZD": "NZ$",
    "INR": "₹", "BRL": "R$", "ILS": "₪", "KRW": "₩",
}  # fmt: skip


def exactly(seconds: int | str | None, zone: str = "UTC") -> Markup:
    """Shows a moment in a zone, to the minute; given as seconds, or as text with its offset."""
    if seconds in (None, ""):
        return Markup("")
    is_text = isinstance(seconds, str)
    at = datetime.fromisoformat(str(seconds)) if is_text else _second(int(str(seconds)))
    local = at.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S} {zone}",
        f"{local.day} {local:%b %Y, %H:%M}",
    )


def hour(at: datetime, zone: str = "UTC") -> Markup:
    """Shows the time of a day in a zone; the exact moment is seen on hover."""
    local = at.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), f"{local:%Y-%m-%d %H:%M:%S} {zone}", f"{local:%H:%M}"
    )


def until(milliseconds: int, zone: str = "UTC") -> Markup:
    """Shows a moment to come, to the minute, and how long it is until then on hover."""
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    local = at.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), _ago(at, local), f"{local.day} {local:%b %Y, %H:%M}"
    )


def day(value: date) -> str:
    """Shows a day."""
    return f"{value.day} {value:%b %Y}"


def _second(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


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


def plain(value: Any) -> str:
    """Shows a value of a scenario in a line: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else to_json(value, fallback=str).decode()


def pretty(value: Any) -> str:
    """Shows values as JSON."""
    return json.dumps(json.loads(to_json(value)), indent=2, ensure_ascii=False)


FILTERS: dict[str, Callable[..., Any]] = {
    "moment": moment,
    "plain": plain,
    "pretty": pretty,
    "number": number,
    "duration": duration,
    "amount": amount,
    "brief": brief,
    "units": units,
    "change": change,
    "exactly": exactly,
    "hour": hour,
    "day": day,
    "until": until,
    "state": state,
}
