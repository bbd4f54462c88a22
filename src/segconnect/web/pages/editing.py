"""Changing a contact by hand: as an import call would, of what somebody changed in a form."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.owner import access
from segconnect.account.people import reading
from segconnect.account.writing.work import Operation
from segconnect.errors import UsageError
from segconnect.web.house import House, back, text
from segconnect.web.pages import contact
from segconnect.wire.contact import ContactShape, Status
from segconnect.wire.shape import ShapeError

TEXTS = {
    "email": "Email",
    "first_name": "First name",
    "last_name": "Last name",
    "utm_source": "UTM source",
    "utm_medium": "UTM medium",
    "utm_campaign": "UTM campaign",
    "utm_content": "UTM content",
    "utm_term": "UTM term",
    "referring_url": "Came from",
    "optin_url": "Opted in at",
    "affiliate_id": "Affiliate",
    "ip_address": "IP address",
}
MUST_STAY = ("email", "date_created")  # which may be changed, and not taken away
NEW_ROWS = 2  # for custom fields
MAX_ROWS = 1000


async def show(house: House, request: Request) -> Response:
    """Shows the form of a contact."""
    person = await contact.person(house, request, request.query_params.get("id", ""))
    held = await asyncio.to_thread(_held, house, person)
    return _page(house, request, person, held, held)


def _held(house: House, person: Mapping[str, Any]) -> dict[str, Any]:
    """What a contact's form holds before anything is typed."""
    account, found = person["account"], person["contact"]
    pk = access.account_pk(house.engine, account["account_id"])
    row = reading.record(house.engine, pk, found["contact_id"])
    if row is None:
        raise UsageError("the contact is gone meanwhile")
    at = datetime.fromtimestamp(row["date_created"], UTC).astimezone(ZoneInfo(account["timezone"]))
    return {
        "integration_pk": row["integration_pk"],
        **{name: row[name] or "" for name in TEXTS},
        "status": row["status"],
        "date_created": f"{at:%Y-%m-%dT%H:%M:%S}",
        "tags": [tag["tag_id"] for tag in found["tags"]],
        "new_tags": "",
        "custom": {key: _shown(value) for key, value in found["custom_fields"].items()},
        "new_custom": {},
    }


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def _page(
    house: House, request: Request, person: dict[str, Any], typed: dict[str, Any],
    was: dict[str, Any], problems: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    return house.render(
        request, "contact_edit.html", 422 if problems else 200, **{
            **person, "typed": typed, "was": to_json(was).decode(), "texts": TEXTS,
            "statuses": list(Status), "rows": NEW_ROWS, "problems": problems or {},
            "here": f"{contact.PEOPLE}/edit?{contact.named(person)}",
        },
    )  # fmt: skip


async def save(house: House, request: Request) -> Response:
    """Sends what was changed to the account, as an import call."""
    person = await contact.person(house, request, request.query_params.get("id", ""))
    held = await asyncio.to_thread(_held, house, person)
    try:
        was = {**held, **from_json(await text(request, "was"))}
    except ValueError:
        raise UsageError("the form is not whole; load the page anew") from None
    typed = await _typed(request)
    changed = _changed(person, was, typed)
    found, account = person["contact"], person["account"]
    if not changed:
        return back(contact.address(found, account), "Nothing was changed.")
    problems = {
        name: "it can be changed, and not taken away"
        for name in MUST_STAY
        if name in changed and not changed[name]
    }
    try:
        body = {**changed, "contact_id": found["contact_id"]}
        fields = ContactShape.read_object(body).given()
    except ShapeError as error:
        problems |= _by_field(error.errors)
    if problems:
        return _page(house, request, person, typed, was, problems)
    pk = access.account_pk(house.engine, account["account_id"])
    await house.change(Operation("POST contact", pk, held["integration_pk"], fields))
    what = f"changed contact {found['contact_id']}: {', '.join(changed)}"
    await asyncio.to_thread(house.users.note, request.state.user, what)
    return back(contact.address(found, account), "Saved.")


async def _typed(request: Request) -> dict[str, Any]:
    form = await request.form()
    given = {name: str(value).strip() for name, value in form.items()}
    keys = [name for name in given if re.fullmatch(r"key-\d{1,4}", name)][:MAX_ROWS]
    rows = {given[key]: given.get(f"value-{key[4:]}", "") for key in keys if given[key]}
    known = {name[7:]: value for name, value in given.items() if name.startswith("custom-")}
    return {
        **{name: given.get(name, "") for name in (*TEXTS, "status", "date_created", "new_tags")},
        "tags": [str(tag) for tag in form.getlist("tag")],
        "custom": known,
        "new_custom": rows,
    }


def _changed(
    person: Mapping[str, Any], was: Mapping[str, Any], typed: Mapping[str, Any]
) -> dict[str, Any]:
    """Answers what somebody changed in the form, as an import call would send it."""
    changed: dict[str, Any] = {
        name: typed[name] or None
        for name in (*TEXTS, "status", "date_created")
        if typed[name] != was[name]
    }
    if changed.get("date_created"):
        try:
            local = datetime.fromisoformat(typed["date_created"])
        except ValueError:
            pass  # the account's own sentence tells what it expects
        else:
            zone = ZoneInfo(person["account"]["timezone"])
            changed["date_created"] = local.replace(tzinfo=zone).isoformat()
    new = list(filter(None, (each.strip() for each in re.split(r"[,\n]", typed["new_tags"]))))
    if new or set(typed["tags"]) != set(was["tags"]):
        names = {tag["tag_id"]: tag["name"] for tag in person["contact"]["tags"]}
        kept = [{"id": id_, "name": names[id_]} for id_ in typed["tags"] if id_ in names]
        changed["tags"] = [*kept, *({"name": name} for name in new)]
    held = person["contact"]["custom_fields"]
    custom = {
        key: _read(value, held.get(key)) if value else None
        for key, value in typed["custom"].items()
        if value != was["custom"].get(key)
    }
    custom |= {key: value for key, value in typed["new_custom"].items() if value}
    if custom:
        changed["custom_fields"] = custom
    return changed


def _read(value: str, held: Any) -> Any:
    """Reads a custom field's value; one that was a number or truth stays one, if it can."""
    if isinstance(held, (bool, int, float)):
        try:
            read = from_json(value)
        except ValueError:
            return value
        if isinstance(read, bool) is isinstance(held, bool) and isinstance(read, (int, float)):
            return read
    return value


def _by_field(errors: list[str]) -> dict[str, str]:
    """Puts the account's sentences to the fields that they are about."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in errors:
        match = re.match(r"'(\w+)[^']*' field: (.*)", each)
        name, told = match.groups() if match else ("", each)
        found[name].append(told)
    return {name: "; ".join(told) for name, told in found.items()}
