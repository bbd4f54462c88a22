"""The rules of tracking: what a page view and an identification do, and joining people by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from pydantic import TypeAdapter, ValidationError

from segconnect.account.channels import compiled
from segconnect.account.owner import tracking_settings as settings
from segconnect.account.owner.preferences import CHANNEL_RULES
from segconnect.account.store.transaction import Row
from segconnect.account.writing import views
from segconnect.account.writing.geography import place_of
from segconnect.account.writing.identities import CONTACT, EMAIL, VISITOR, uid_of
from segconnect.account.writing.work import Operation, RefusalError, Work
from segconnect.types import Email, Id
from segconnect.wire.tracking import UTM

EMAILS: TypeAdapter[str] = TypeAdapter(Email)
IDS: TypeAdapter[str] = TypeAdapter(Id)

IDENTIFIED, IN_LINK = "identified on the page", "followed a link in a mail"


def _settings(work: Work, account: int) -> settings.TrackingSettings:
    found = settings.read(work.setting(account, settings.NAME))
    work.people.limit(account, found.emails_per_device)
    return found


def record_view(work: Work, operation: Operation) -> dict[str, Any]:
    """Keeps a page view, unless it is the owner's own; a link in a mail says whose it is."""
    account, fields = operation.account_pk, operation.fields
    wanted = _settings(work, account)
    if views.is_own_traffic(fields.get("ip_address"), wanted):
        return {"page_view": {"uid": _uid(account, fields), "is_counted": False}}
    seen = work.now if fields.get("date_created") is None else fields["date_created"]
    visitor = work.people.identity(account, VISITOR, _uid(account, fields), seen)
    _identify(work, account, visitor, fields, IDENTIFIED)
    _identify(work, account, visitor, _well_formed(views.named_in_link(fields["url"], wanted)),
              IN_LINK)  # fmt: skip
    if not any(fields.get(name) for name in views.PLACE):
        fields = {**fields, **place_of(fields.get("ip_address"))}
    rules = compiled(work.setting(account, CHANNEL_RULES))
    row = views.row(fields, visitor["pk"], seen, rules, wanted) | {"account_pk": account}
    work.dirty("page_views", (visitor["pk"], seen, row["hit"]), row)
    return {
        "page_view": {"uid": visitor["value"], "is_counted": True, "channel": row["channel"]}
    }  # fmt: skip


def record_hit(work: Work, operation: Operation) -> dict[str, Any]:
    """Keeps what a page's script sent, if the visitor agrees with it as far as the owner asks."""
    fields = dict(operation.fields)
    asks_not, has_agreed = fields.pop("asks_not"), fields.pop("has_agreed")
    wanted = _settings(work, operation.account_pk)
    if (asks_not and wanted.respects_do_not_track) or (wanted.needs_consent and not has_agreed):
        return {}
    return record_view(work, operation._replace(fields=fields))


def _uid(account: int, fields: dict[str, Any]) -> str:
    uid: str | None = fields.get("uid")
    return uid or uid_of(account, fields.get("contact_id"), fields.get("email"))


def _well_formed(named: dict[str, str]) -> dict[str, str]:
    """Leaves out what a link carries and what is no email or id: anyone can write links."""
    answer = {}
    for name, kind in (("email", EMAILS), ("contact_id", IDS)):
        if name in named:
            try:
                answer[name] = kind.validate_python(named[name])
            except ValidationError:
                continue
    return answer


def identify(work: Work, operation: Operation) -> dict[str, Any]:
    """Says who a visitor is; what was seen before is theirs from now on, too."""
    account, fields = operation.account_pk, operation.fields
    _settings(work, account)
    visitor = work.people.identity(account, VISITOR, _uid(account, fields), work.now)
    _identify(work, account, visitor, fields, IDENTIFIED)
    return {
        "identify": {
            "uid": visitor["value"],
            "email": fields.get("email"),
            "contact_id": fields.get("contact_id"),
        }
    }


def _identify(
    work: Work, account: int, visitor: Row, fields: dict[str, Any], reason: str
) -> None:  # fmt: skip
    email, contact_id = fields.get("email"), fields.get("contact_id")
    people = work.people
    by_email = people.identity(account, EMAIL, email) if email else None
    if by_email is not None:
        people.link(visitor, by_email, reason)
    if contact_id:
        by_id = people.identity(account, CONTACT, contact_id)
        people.link(visitor, by_id, reason)
        if by_email is not None:
            people.link(by_id, by_email, reason)
        for contact in work.contacts_by_id.get((account, contact_id), ()):
            if contact["email"]:
                own = people.identity(account, EMAIL, contact["email"])
                people.link(by_id, own, "the contact's email")


def record_expense(work: Work, operation: Operation) -> dict[str, Any]:
    """Replaces what was spent on a day under the same UTM values."""
    account, fields = operation.account_pk, operation.fields
    utm = {name: fields.get(name) or None for name in UTM}
    text = "\0".join(value or "" for value in utm.values())
    key = int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1
    day = fields.get("date") or datetime.fromtimestamp(work.now, UTC).date().isoformat()
    figures = {name: fields.get(name) or 0 for name in ("spend", "clicks", "impressions")}
    row = {"account_pk": account, "day": day, "key": key, **utm, **figures}
    work.dirty("expenses", (account, day, key), row)
    return {"expense": {"date": day, **utm, **figures}}


# -- by hand -------------------------------------------------------------------------------------


def merge(work: Work, operation: Operation) -> dict[str, Any]:
    """Joins two people for a reason that a person gives."""
    account, fields = operation.account_pk, operation.fields
    _settings(work, account)
    ends: list[Row] = []
    for kind, value in fields["ends"]:
        known = work.people.find(account, kind, value)
        if known is None and kind == VISITOR:
            raise RefusalError(f"there is no visitor '{value}'")
        if known is not None and known["is_shared"]:
            raise RefusalError(f"the device of '{value}' is shared; join the emails instead")
        ends.append(known or work.people.identity(account, kind, value))
    if ends[0] is ends[1]:
        raise RefusalError("both are the same; give two that are to be one person")
    work.people.link(ends[0], ends[1], fields["reason"], fields["who"])
    return {"merged": [end["value"] for end in ends]}


def split(work: Work, operation: Operation) -> dict[str, Any]:
    """Takes a link back, by its number."""
    number = operation.fields["link"]
    link = work.people.find_link(operation.account_pk, number)
    if link is None:
        raise RefusalError(f"there is no link {number}")
    if link["undone_at"] is not None:
        raise RefusalError(f"link {number} is undone already")
    work.people.undo(link, operation.fields["reason"], operation.fields["who"])
    return {"undone": number}


def mark_device(work: Work, operation: Operation) -> dict[str, Any]:
    """Marks a device as shared, or takes that back and lets its links hold again."""
    account, fields = operation.account_pk, operation.fields
    _settings(work, account)
    visitor = work.people.find(account, VISITOR, fields["uid"])
    if visitor is None:
        raise RefusalError(f"there is no visitor '{fields['uid']}'")
    is_shared = fields["is_shared"]
    work.people.mark(visitor, fields["reason"], fields["who"], is_shared=is_shared)
    return {"device": {"uid": fields["uid"], "is_shared": is_shared}}


RULES = {
    "POST page_view": record_view,
    "POST identify": identify,
    "hit": record_hit,
    "expense": record_expense,
    "merge": merge,
    "split": split,
    "device": mark_device,
}
"""The last five are no calls of the import API: pages and the command line make them."""
