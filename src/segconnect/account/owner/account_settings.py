"""What an account says of itself and of its reports, and what a change of it does to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, select, update

from segconnect.account.owner import preferences
from segconnect.account.owner.access import account_pk
from segconnect.account.owner.choices import WEEKDAYS, Switches
from segconnect.account.store.schema import accounts
from segconnect.errors import UnfitError, unknown_name
from segconnect.types import ZERO_DECIMAL, money, zone_named

WEEK_START, SWITCHES = "week_start", "switches"
MAX_NAME = 200
MONDAY = WEEKDAYS[0]


class LeftOut(NamedTuple):
    """A switch: what it leaves out, and what reports say with it and without."""

    name: str
    with_it: str
    without: str


LEFT_OUT = {
    "exclude_failed": LeftOut(
        "Failed invoices",
        "Orders of which nothing was paid do not count.",
        "Orders of which nothing was paid count.",
    ),
    "exclude_refunded": LeftOut(
        "Refunds", "Refunded orders do not count.", "Refunded orders count."
    ),
    "exclude_tax": LeftOut("Taxes", "Revenue is without tax.", "Revenue is with tax."),
    "exclude_shipping": LeftOut(
        "Shipping", "Revenue is without shipping.", "Revenue is with shipping."
    ),
}


class AccountSettings(NamedTuple):
    """What can be changed of an account."""

    name: str
    timezone: str
    currency: str
    week_start: str = MONDAY
    switches: Switches = Switches()

    def differences(self, other: AccountSettings) -> list[str]:
        """Answers the names of the fields in which another one is not the same."""
        return [name for name in self._fields if getattr(self, name) != getattr(other, name)]


def switches_of(connection: Connection, account: int) -> Switches:
    """Answers what an account leaves out of revenue where a report does not say."""
    text = preferences.get(connection, account, SWITCHES)
    return Switches() if text is None else Switches(**from_json(text))


def read(engine: Engine, account_id: str) -> AccountSettings:
    """Answers what an account has set.

    Raises:
        UsageError: There is no such account.
    """
    pk = account_pk(engine, account_id)
    with engine.connect() as connection:
        name, zone, currency = connection.execute(
            select(accounts.c.name, accounts.c.timezone, accounts.c.currency).where(
                accounts.c.pk == pk
            )
        ).one()
        week = preferences.get(connection, pk, WEEK_START) or MONDAY
        return AccountSettings(name, zone, currency, week, switches_of(connection, pk))


def checked(given: Mapping[str, str]) -> AccountSettings:
    """Reads settings from texts; a switch is on where it has one.

    Raises:
        UnfitError: Something is wrong with them; all of it is told, by field.
    """
    name, currency = given.get("name", "").strip(), given.get("currency", "").strip()
    week = given.get("week_start", "").strip().lower() or MONDAY
    problems = {}
    if not name:
        problems["name"] = "the account's name is empty; give one"
    elif len(name) > MAX_NAME:
        problems["name"] = f"longer than {MAX_NAME} characters"
    if not re.fullmatch("[A-Za-z]{3}", currency):
        problems["currency"] = f"{currency!r} is not a currency; give three letters, such as EUR"
    zone = given.get("timezone", "").strip()
    try:
        zone = zone_named(zone).key
    except ValueError as error:
        problems["timezone"] = str(error)
    if week not in WEEKDAYS:
        problems["week_start"] = unknown_name("first day of the week", week, WEEKDAYS)
    if problems:
        raise UnfitError(**problems)
    switches = Switches(**{each: bool(given.get(each)) for each in LEFT_OUT})
    return AccountSettings(name, zone, currency.upper(), week, switches)


def keep(engine: Engine, account_id: str, settings: AccountSettings) -> None:
    """Sets what was checked.

    Raises:
        UsageError: There is no such account.
    """
    pk = account_pk(engine, account_id)
    with engine.begin() as connection:
        connection.execute(
            update(accounts)
            .where(accounts.c.pk == pk)
            .values(
                name=settings.name, timezone=settings.timezone, currency=settings.currency
            )
        )  # fmt: skip
    week = None if settings.week_start == MONDAY else settings.week_start
    preferences.keep(engine, account_id, WEEK_START, week)
    on = {name: True for name in LEFT_OUT if getattr(settings.switches, name)}
    preferences.keep(engine, account_id, SWITCHES, to_json(on).decode() if on else None)


def effects(before: AccountSettings, after: AccountSettings) -> list[str]:
    """Answers what a change does to reports, a sentence for each field."""
    told = []
    for name in before.differences(after):
        match name:
            case "name":
                told.append(f"The account is called {after.name}; its Account ID stays.")
            case "timezone":
                told.append(
                    f"Days begin at midnight in {after.timezone}, not in {before.timezone}: orders,"
                    " visits and leads near midnight move to the day before or after, in all past"
                    " reports too. Ad spend stays on its days. The next report takes longer."
                )
            case "currency":
                told.append(
                    f"Amounts are shown as {after.currency} and not converted: what was"
                    f" {money(1200_00, before.currency)} is {money(1200_00, after.currency)}."
                    + _places(before.currency, after.currency)
                )
            case "week_start":
                told.append(
                    f"Weeks begin on {after.week_start.title()}, not on"
                    f" {before.week_start.title()}: figures by week are cut anew."
                )
            case "switches":
                told += _switched(before.switches, after.switches)
    return told


def _places(before: str, after: str) -> str:
    if (before in ZERO_DECIMAL) == (after in ZERO_DECIMAL):
        return ""
    return " One of them has no cents, so the amounts read a hundred times as much or as little."


def _switched(before: Switches, after: Switches) -> list[str]:
    changed = [name for name in LEFT_OUT if getattr(before, name) != getattr(after, name)]
    told = [
        LEFT_OUT[name].with_it if getattr(after, name) else LEFT_OUT[name].without
        for name in changed
    ]
    return [*told, "A report that says otherwise itself goes on as it does."]
