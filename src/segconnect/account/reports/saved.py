"""Reports that an account keeps under an id, and what it says about all of them."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, select

from segconnect.account.owner import preferences
from segconnect.account.owner.access import account_pk
from segconnect.account.owner.account_settings import MONDAY, WEEK_START, switches_of
from segconnect.account.reports.crediting import DEFAULT
from segconnect.account.reports.plan import Query, Settings
from segconnect.account.store import schema
from segconnect.clock import now
from segconnect.types import zone_named

KEPT = "report:"  # before the id, in the names of an account's settings
MAX_ID = 24
MODEL = "attribution_model"


class Saved(NamedTuple):
    """A report that is kept."""

    id: str
    name: str
    query: Query


def settings_of(connection: Connection, account: int) -> Settings:
    """Answers what an account says about its reports."""
    table = schema.accounts
    zone, currency = connection.execute(
        select(table.c.timezone, table.c.currency).where(table.c.pk == account)
    ).one()
    return Settings(
        now=now(),
        zone=zone_named(zone),
        currency=currency,
        week_start=preferences.get(connection, account, WEEK_START) or MONDAY,
        model=preferences.get(connection, account, MODEL) or DEFAULT,
        switches=switches_of(connection, account),
    )


def find(connection: Connection, account: int, report_id: str) -> Saved | None:
    """Finds a report by its id."""
    if not 0 < len(report_id) <= MAX_ID or "\0" in report_id:
        return None
    text = preferences.get(connection, account, KEPT + report_id)
    return None if text is None else read(report_id, text)


def list_all(connection: Connection, account: int) -> list[Saved]:
    """Answers all reports that an account keeps, by name."""
    table = schema.account_settings
    rows = connection.execute(
        select(table.c.name, table.c.value).where(
            table.c.account_pk == account, table.c.name.startswith(KEPT)
        )
    )
    found = [read(name.removeprefix(KEPT), text) for name, text in rows]
    return sorted(found, key=lambda each: (each.name, each.id))


def keep(
    engine: Engine, account_id: str, name: str, query: Query, report_id: str | None = None
) -> str:
    """Keeps a report, which must be one that can be planned; answers its id.

    Under an id that is given, it takes the place of the one that is kept there.
    """
    if report_id is None or not is_id(report_id):
        alphabet = string.ascii_lowercase + string.digits
        report_id = "r" + "".join(secrets.choice(alphabet) for _ in range(9))
    preferences.keep(engine, account_id, KEPT + report_id, to_text(name, query))
    return report_id


def is_id(text: str) -> bool:
    """Whether a text may be the id of a report."""
    return re.fullmatch(f"[a-z0-9]{{1,{MAX_ID}}}", text) is not None


def to_text(name: str, query: Query) -> str:
    """Writes a report as JSON."""
    asked = {key: each for key, each in _values(query).items() if each not in (None, (), {}, [])}
    return to_json({"name": name, "query": asked}).decode()


def forget(engine: Engine, account_id: str, report_id: str) -> bool:
    """Forgets a report; answers whether there was one."""
    with engine.connect() as connection:
        found = find(connection, account_pk(engine, account_id), report_id)
    if found is not None:
        preferences.keep(engine, account_id, KEPT + report_id, None)
    return found is not None


def _values(query: Query) -> Mapping[str, Any]:
    return {name: getattr(query, name) for name in query.__dataclass_fields__}


def read(report_id: str, text: str) -> Saved:
    """Reads what `to_text` wrote."""
    kept = from_json(text)
    return Saved(report_id, kept["name"], replace(Query(""), **kept["query"]))
