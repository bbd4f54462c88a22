"""The settings of an account: what they are, what a change does to reports, and changing them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect import types
from segconnect.account.owner import access, account_settings, preferences
from segconnect.account.owner.account_settings import LEFT_OUT, AccountSettings
from segconnect.account.owner.choices import WEEKDAYS
from segconnect.account.owner.tracking_settings import NAME as TRACKING
from segconnect.account.owner.tracking_settings import TrackingSettings
from segconnect.errors import UnfitError, UsageError
from segconnect.web.house import House, back

LATELY = "-29 day"  # the 30 days whose revenue is told with a change, and without

TRACKED = {
    "needs_consent": "Wait for consent",
    "respects_do_not_track": "Respect Do-Not-Track",
    "capture_emails": "Capture emails",
    "excluded_ips": "Own traffic",
    "own_hosts": "Own sites",
}
"""The settings of tracking that the page has, and what they are called there."""


class Change(NamedTuple):
    """What is about to be changed."""

    told: list[str]  # what it does
    before: float | None  # revenue of the last days, in units; None where it stays
    after: float | None

    @property
    def mark(self) -> str:
        """What the button to agree sends: what is agreed to is what was told."""
        return blake2b("\n".join(self.told).encode(), digest_size=8).hexdigest()


async def show(house: House, request: Request) -> Response:
    """Shows the settings of an account."""
    account_id = _account(house, request)
    values = await asyncio.to_thread(_read, house, account_id)
    return house.render(request, "account.html", change=None, **values)


async def save(house: House, request: Request) -> Response:
    """Tells what a change does; once that was read, changes the settings."""
    account_id = _account(house, request)
    form = await request.form()
    given = {name: str(value) for name, value in form.items()}
    values = await asyncio.to_thread(_read, house, account_id)
    typed = {"typed": _typed(given)}
    try:
        settings, tracking = await asyncio.to_thread(_checked, values, given)
    except UnfitError as error:
        shown = {**values, **typed, "problems": error.problems, "change": None}
        return house.render(request, "account.html", 422, **shown)
    change = await asyncio.to_thread(_change, house, account_id, values, settings, tracking)
    if change.told and given.get("agreed") != change.mark:
        return house.render(request, "account.html", **{**values, **typed, "change": change})
    await asyncio.to_thread(_keep, house, account_id, settings, tracking)
    what = f"changed the settings of {account_id}"
    await asyncio.to_thread(house.users.note, request.state.user, what)
    told = "Saved; reports are by this from now on." if change.told else "Nothing was changed."
    return back(f"/app/set-up/accounts/{account_id}", told)


def _account(house: House, request: Request) -> str:
    account_id = str(request.path_params["account"])
    if not any(each["account_id"] == account_id for each in access.list_accounts(house.engine)):
        raise HTTPException(404, "There is no such account.")
    return account_id


def _read(house: House, account_id: str) -> dict[str, Any]:
    settings = account_settings.read(house.engine, account_id)
    pk = access.account_pk(house.engine, account_id)
    with house.engine.connect() as connection:
        tracking = preferences.tracking_settings(connection, pk)
    typed: dict[str, str] = {
        **{name: getattr(settings, name) for name in ("name", "currency", "timezone")},
        "week_start": settings.week_start,
        **{name: "yes" if getattr(settings.switches, name) else "" for name in LEFT_OUT},
        **{name: _as_typed(getattr(tracking, name)) for name in TRACKED},
    }
    helps = {name: TrackingSettings.model_fields[name].description for name in TRACKED}
    return {
        "account_id": account_id,
        "settings": settings,
        "tracking": tracking,
        "typed": typed,
        "zones": types.zone_names(),
        "days": WEEKDAYS,
        "left_out": LEFT_OUT,
        "tracked": {name: (label, helps[name]) for name, label in TRACKED.items()},
    }


def _as_typed(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "yes" if value else ""


def _typed(given: Mapping[str, str]) -> dict[str, str]:
    names = (*AccountSettings._fields, *LEFT_OUT, *TRACKED)
    return {name: given.get(name, "") for name in names}


def _checked(
    values: Mapping[str, Any], given: Mapping[str, str]
) -> tuple[AccountSettings, TrackingSettings]:
    problems: dict[str, str] = {}
    settings, tracking = values["settings"], values["tracking"]
    try:
        settings = account_settings.checked(given)
    except UnfitError as error:
        problems |= error.problems
    for name in TRACKED:
        value = given.get(name, "")
        if isinstance(getattr(tracking, name), bool):
            value = "yes" if value else "no"
        try:
            tracking = tracking.changed(name, value)
        except UsageError as error:
            problems[name] = str(error).removeprefix(f"{name}: ")
    if problems:
        raise UnfitError(**problems)
    return settings, tracking


def _change(
    house: House,
    account_id: str,
    values: Mapping[str, Any],
    settings: AccountSettings,
    tracking: TrackingSettings,
) -> Change:
    before: AccountSettings = values["settings"]
    told = account_settings.effects(before, settings)
    told += [
        f"{label}: {_tracked(getattr(tracking, name))}, for visits from now on."
        for name, label in TRACKED.items()
        if getattr(tracking, name) != getattr(values["tracking"], name)
    ]
    if before.switches == settings.switches:
        return Change(told, None, None)
    pk = access.account_pk(house.engine, account_id)
    was, will = (_revenue(house, pk, each) for each in (before, settings))
    return Change(told, was, will)


def _tracked(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _as_typed(value) or "none"


def _revenue(house: House, account_pk: int, settings: AccountSettings) -> float:
    """What was sold lately, as these settings have it; in units."""
    query = {
        "type": "revenue",
        "dimensions": [],
        "metrics": ["revenue"],
        "date_range": {"start": LATELY, "end": "now"},
        "options": {name: getattr(settings.switches, name) for name in LEFT_OUT},
    }
    answer = house.reports.query(account_pk, json.dumps(query).encode())
    return float(answer["totals"][0] or 0)


def _keep(
    house: House, account_id: str, settings: AccountSettings, tracking: TrackingSettings
) -> None:  # fmt: skip
    account_settings.keep(house.engine, account_id, settings)
    text = tracking.model_dump_json(exclude_defaults=True)
    preferences.keep(house.engine, account_id, TRACKING, None if text == "{}" else text)
    house.forget_zone()
