"""The rules of the import side: one for each object, over the working set of a group.

Sources are the pages of the API docs named beside each rule; what they leave open is decided here
and listed in docs/differences.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_core import from_json, to_json

from segconnect.account.store.transaction import Row
from segconnect.account.writing.work import ID_COLUMN, Operation, RefusalError, Work, own_id
from segconnect.wire.shape import utc_text

Rule = Callable[[Work, Operation], dict[str, Any]]


# -- contacts and tags (rest/_contacts.md, rest/_tags.md) ----------------------------------------

COPIED = (
    "first_name",
    "last_name",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
    "referring_url",
    "optin_url",
    "ip_address",
    "affiliate_id",
    "geo_lat",
    "geo_lon",
)


def upsert_contact(work: Work, operation: Operation) -> dict[str, Any]:
    """Looks for contact_id, then for email; re-keys, merges custom fields, replaces tags."""
    fields = operation.fields
    contact_id, email = fields.get("contact_id"), fields.get("email")
    contact = find_contact(work, operation)
    if contact is None:
        contact = _new_contact(work, operation)
    else:
        if contact_id is not None and contact["contact_id"] != contact_id:
            work.rekey(contact, contact_id)
        if email is not None and contact["email"] != email:
            work.readdress(contact, email)
        contact["last_updated"] = work.now
        work.dirty("contacts", contact["pk"], contact)
    for name in COPIED:
        if name in fields:
            contact[name] = fields[name]
    if fields.get("status"):
        contact["status"] = fields["status"]
    for name in ("date_created", "last_updated"):
        if fields.get(name) is not None:
            contact[name] = fields[name]
    if fields.get("custom_fields"):
        contact["custom_fields"] = _merged(contact["custom_fields"], fields["custom_fields"])
    if fields.get("tags") is not None:
        wanted = {tag["pk"] for tag in _apply_tags(work, contact, fields["tags"])}
        for tag_pk in work.contact_tags[contact["pk"]].keys() - wanted:
            work.remove_tag(contact, tag_pk)
    return {"contact": contact_object(contact)}


def find_contact(work: Work, operation: Operation) -> Row | None:
    """Finds a contact of the operation's integration by contact_id, else by email."""
    account, integration = operation.account_pk, operation.integration_pk
    for index, value in (
        (work.contacts_by_id, operation.fields.get("contact_id")),
        (work.contacts_by_email, operation.fields.get("email")),
    ):
        if value is not None:
            rows = index.get((account, value), ())
            own = [row for row in rows if row["integration_pk"] == integration]
            if own:
                return min(own, key=lambda row: int(row["pk"]))  # the oldest, where emails repeat
    return None


def _new_contact(work: Work, operation: Operation) -> Row:
    fields = operation.fields
    email, contact_id = fields.get("email"), fields.get("contact_id")
    pk = work.new_pk("contacts")
    if contact_id is None:
        contact_id = own_id(operation.integration_pk, str(email))  # until the owner's own id comes
        if work.contacts_by_id.get((operation.account_pk, contact_id)):
            contact_id = f"{contact_id}-{pk}"
    contact = {
        **dict.fromkeys(COPIED),
        "pk": pk,
        "account_pk": operation.account_pk,
        "integration_pk": operation.integration_pk,
        "contact_id": contact_id,
        "email": email,
        "status": "active",
        "date_created": work.now,
        "last_updated": work.now,
        "custom_fields": "{}",
    }
    work.add_contact(contact)
    return contact


def _merged(held: str, given: dict[str, Any]) -> str:
    fields = from_json(held)
    same = (fields.get(k) == v and type(fields.get(k)) is type(v) for k, v in given.items())
    if all(same):
        return held  # nearly always: the same sent again
    fields.update(given)
    return to_json({key: fields[key] for key in sorted(fields) if fields[key] is not None}).decode()


def _apply_tags(work: Work, contact: Row, given: list[Any]) -> list[Row]:
    tags = []
    for each in given:
        tag = _tag(work, contact["integration_pk"], each)
        work.apply_tag(contact, tag, each.get("date") if isinstance(each, dict) else None)
        tags.append(tag)
    return tags


def _tag(work: Work, integration: int, given: Any) -> Row:
    """Finds or creates a tag. A bare text is an id if one is known by it, else a name."""
    tag = _known_tag(work, integration, given)
    if isinstance(given, str):
        tag_id = name = given
    else:
        tag_id = given.get("id") or (tag["tag_id"] if tag else given["name"])
        name = given.get("name") or (tag["name"] if tag else tag_id)
    if tag is None:
        tag = {"integration_pk": integration, "tag_id": tag_id, "name": name}
        tag["pk"] = work.new_pk("tags")
        work.add_tag(tag)
    elif isinstance(given, dict) and (tag["tag_id"], tag["name"]) != (tag_id, name):
        work.change_tag(tag, tag_id, name)
    return tag


def _known_tag(work: Work, integration: int, given: Any) -> Row | None:
    if isinstance(given, str):
        key = (integration, given)
        return work.tags_by_id.get(key) or work.tag_named(*key)
    tag_id, name = given.get("id"), given.get("name")
    if tag_id is None:
        return work.tag_named(integration, name) or work.tags_by_id.get((integration, name))
    tag = work.tags_by_id.get((integration, tag_id))
    if tag is None and name is not None:
        # A tag first seen by its name alone has the name for an id, until its own id comes.
        tag = work.tags_by_id.get((integration, name))
        if tag is not None and tag["name"] != name:
            return None
    return tag


def add_tags(work: Work, operation: Operation) -> dict[str, Any]:
    """Adds tags to those that the contact has."""
    contact = _tagged_contact(work, operation)
    _apply_tags(work, contact, operation.fields["tags"])
    return {"contact": contact_object(contact)}


def remove_tags(work: Work, operation: Operation) -> dict[str, Any]:
    """Removes tags; one that the contact does not have is no error."""
    contact = _tagged_contact(work, operation)
    for given in operation.fields["tags"]:
        tag = _known_tag(work, operation.integration_pk, given)
        if tag is not None:
            work.remove_tag(contact, tag["pk"])
    return {"contact": contact_object(contact)}


def _tagged_contact(work: Work, operation: Operation) -> Row:
    contact = find_contact(work, operation)
    if contact is None:
        raise RefusalError(_nobody(operation))
    return contact


def _nobody(operation: Operation) -> str:
    for name in ("contact_id", "email"):
        value = operation.fields.get(name)
        if value is not None:
            return f"no contact with {name} '{value}'"
    return "no contact given"


def delete_contact(work: Work, operation: Operation) -> dict[str, Any]:
    """Deletes the contact of this id, and every contact of this email; orders stay."""
    account, text = operation.account_pk, operation.fields["id"]
    rows = [
        *work.contacts_by_id.get((account, text), ()),
        *work.contacts_by_email.get((account, text.lower()), ()),
    ]
    own = {row["pk"]: row for row in rows if row["integration_pk"] == operation.integration_pk}
    for contact in own.values():
        work.remove_contact(contact)
    return _deleted(operation, "contact", bool(own))


def _deleted(operation: Operation, name: str, deleted: bool) -> dict[str, Any]:
    return {"id": operation.fields["id"], "object": name, "deleted": deleted}


def contact_object(contact: Row) -> dict[str, Any]:
    """Answers a contact as the reporting API shows its core."""
    return {
        "contact_id": contact["contact_id"],
        "first_name": contact["first_name"],
        "last_name": contact["last_name"],
        "email": contact["email"],
        "status": contact["status"],
        "date_created": utc_text(contact["date_created"]),
        "last_updated": utc_text(contact["last_updated"]),
        "custom_fields": from_json(contact["custom_fields"]),
    }


# -- orders, subscriptions and products (rest/_orders.md, rest/_subscriptions.md) ----------------


def _owner(work: Work, operation: Operation, held: Row | None) -> Row | None:
    """Finds whom an order is for: in its own integration first, then anywhere in the account.

    A contact_id must be known; an email may be awaited. An order that is sent again with the email
    that it came with stays with its contact, though the contact may have another email now.
    """
    account, integration = operation.account_pk, operation.integration_pk
    contact_id, email = operation.fields.get("contact_id"), operation.fields.get("email")
    if contact_id is not None:
        rows = work.contacts_by_id.get((account, contact_id), ())
        if not rows:
            raise RefusalError(_nobody(operation))
    else:
        rows = work.contacts_by_email.get((account, email), ())
        if not rows and held is not None and held["email"] == email:
            return work.contacts.get(held["contact_pk"])
    own = [row for row in rows if row["integration_pk"] == integration]
    return min(own or rows, key=lambda row: int(row["pk"]), default=None)


def upsert_order(work: Work, operation: Operation) -> dict[str, Any]:
    """Adds an order or updates the one of this id; its lines are replaced."""
    fields = operation.fields
    order, owner, is_new = _owned(work, operation)
    if is_new:
        order |= {"is_refunded": False, "discount": 0, "tax": 0, "shipping": 0}
    for name in ("amount", "paid", "date_created"):
        order[name] = fields[name]
    for name in ("is_refunded", "discount", "tax", "shipping"):
        if fields.get(name) is not None:
            order[name] = fields[name]
    order["last_imported_at"] = work.now
    work.dirty("orders", order["pk"], order)
    paid_in_full = order["paid"] >= order["amount"]
    lines = []
    for position, item in enumerate(fields["items"], 1):
        product_id = item["product_id"]
        _name(
            work, operation.integration_pk, "products", "product_id", product_id, item.get("name")
        )
        total_paid = item.get("total_paid")
        if total_paid is None:
            total_paid = item["amount"] if paid_in_full else 0
        lines.append(
            {
                "order_pk": order["pk"],
                "position": position,
                "item_id": item.get("id") or f"{order['order_id']}-{position}",
                "product_id": product_id,
                "amount": item["amount"],
                "total_paid": total_paid,
                "subscription_id": item.get("subscription_id"),
            }
        )
    work.items[order["pk"]] = lines
    return {"invoice": order_object(order, owner)}


def _owned(work: Work, operation: Operation) -> tuple[Row, Row | None, bool]:
    """Finds the order or subscription of the operation's id, or begins it; and whose it is."""
    name = {"POST invoice": "orders"}.get(operation.endpoint, "subscriptions")
    key = (operation.integration_pk, operation.fields["id"])
    row = work.owned[name].get(key)
    owner = _owner(work, operation, row)
    is_new = row is None
    if row is None:
        row = {
            "pk": work.new_pk(name),
            "account_pk": operation.account_pk,
            "integration_pk": operation.integration_pk,
            ID_COLUMN[name]: operation.fields["id"],
            "imported_at": work.now,
            "email": None,
        }
        work.owned[name][key] = row
    row["contact_pk"] = owner["pk"] if owner else None
    row["email"] = operation.fields.get("email") or (owner["email"] if owner else row["email"])
    if owner is None:
        work.wait(name, key)
    return row, owner, is_new


def _name(work: Work, integration: int, table: str, column: str, key: str, name: str | None) -> Row:
    """Creates what is named for the first time, and renames it when its name changes."""
    row = work.named[table].get((integration, key))
    if row is None:
        row = {"integration_pk": integration, column: key, "name": name or key}
        work.named[table][integration, key] = row
        work.dirty(table, (integration, key), row)
    elif name and row["name"] != name:
        row["name"] = name
        work.dirty(table, (integration, key), row)
    return row


def delete_owned(work: Work, operation: Operation) -> dict[str, Any]:
    """Deletes an order or subscription of this id."""
    kind = operation.endpoint.removeprefix("DELETE ").removesuffix("/{id}")
    name = {"invoice": "orders", "subscription": "subscriptions"}[kind]
    key = (operation.integration_pk, operation.fields["id"])
    known = key in work.owned[name]
    if known:
        work.remove_owned(name, key)
    return _deleted(operation, kind, known)


def order_object(order: Row, owner: Row | None) -> dict[str, Any]:
    """Answers an order as the import API shows it: cents."""
    return {
        "id": order["order_id"],
        "contact_id": owner["contact_id"] if owner else None,
        "email": order["email"],
        "amount": order["amount"],
        "paid": order["paid"],
        "is_refunded": bool(order["is_refunded"]),
        "discount": order["discount"],
        "tax": order["tax"],
        "shipping": order["shipping"],
        "date_created": utc_text(order["date_created"]),
    }


def upsert_subscription(work: Work, operation: Operation) -> dict[str, Any]:
    """Adds a subscription or updates the one of this id. It never creates an order."""
    fields = operation.fields
    subscription, owner, is_new = _owned(work, operation)
    if is_new:
        subscription |= {"quantity": 1, **dict.fromkeys(ENDS)}
    for name in ("amount", "product_id", "billing_cycle", "frequency", *STARTS):
        subscription[name] = fields[name]
    for name in ENDS:
        if name in fields:  # null takes a date back, as when a cancellation is revoked
            subscription[name] = fields[name]
    if fields.get("quantity") is not None:
        subscription["quantity"] = fields["quantity"]
    subscription["last_imported_at"] = work.now
    work.dirty("subscriptions", subscription["pk"], subscription)
    integration, product_id = operation.integration_pk, fields["product_id"]
    _name(work, integration, "products", "product_id", product_id, fields.get("name"))
    return {"subscription": subscription_object(subscription, owner)}


STARTS = ("start_date", "last_bill_date")
ENDS = ("trial_end_date", "end_date", "canceled_date")


def subscription_object(subscription: Row, owner: Row | None) -> dict[str, Any]:
    """Answers a subscription as the import API shows it: cents."""
    return {
        "id": subscription["subscription_id"],
        "contact_id": owner["contact_id"] if owner else None,
        "email": subscription["email"],
        **{n: subscription[n] for n in ("amount", "product_id", "billing_cycle", "frequency")},
        "quantity": subscription["quantity"],
        **{
            name: None if subscription[name] is None else utc_text(subscription[name])
            for name in (*STARTS, *ENDS)
        },
    }


def upsert_product(work: Work, operation: Operation) -> dict[str, Any]:
    """Adds a product or renames it (rest/_products.md)."""
    key, name = operation.fields["id"], operation.fields["name"]
    product = _name(work, operation.integration_pk, "products", "product_id", key, name)
    return {"product": {"id": product["product_id"], "name": product["name"]}}


# -- ads (rest/_ads.md) --------------------------------------------------------------------------


def record_performance(work: Work, operation: Operation) -> dict[str, Any]:
    """Creates or renames ad, ad set and campaign, and replaces the ad's figures of the day."""
    fields, integration = operation.fields, operation.integration_pk
    ad = fields["ad"]
    adset = fields.get("adset") or ad.get("adset")
    campaign = (
        fields.get("adcampaign")
        or ad.get("adcampaign")
        or (adset.get("adcampaign") if adset else None)
    )
    above: dict[str, str] = {}
    if campaign:
        _name(
            work, integration, "adcampaigns", "adcampaign_id", campaign["id"], campaign.get("name")
        )
        above["adcampaign_id"] = campaign["id"]
    if adset:
        row = _name(work, integration, "adsets", "adset_id", adset["id"], adset.get("name"))
        _place(work, "adsets", row, ("adcampaign_id",), above)
        above["adset_id"] = adset["id"]
    row = _name(work, integration, "ads", "ad_id", ad["id"], ad.get("name"))
    _place(work, "ads", row, ("adcampaign_id", "adset_id"), above)
    performance = {
        "integration_pk": integration,
        "ad_id": ad["id"],
        "day": fields["date"],
        "spend": fields["spend"],
        "clicks": fields.get("clicks") or 0,
        "impressions": fields.get("impressions") or 0,
    }
    work.dirty("ad_performance", (integration, ad["id"], fields["date"]), performance)
    figures = {name: performance[name] for name in ("spend", "clicks", "impressions")}
    return {"ad_performance": {"ad": ad["id"], "date": fields["date"], **above, **figures}}


def _place(work: Work, table: str, row: Row, columns: tuple[str, ...], above: Row) -> None:
    """Notes what an ad or ad set belongs to, where that was said."""
    for column in columns:
        wanted = above.get(column, row.get(column))
        if column not in row or row[column] != wanted:
            row[column] = wanted
            key = (row["integration_pk"], row["ad_id" if table == "ads" else "adset_id"])
            work.dirty(table, key, row)


RULES: dict[str, Rule] = {
    "POST contact": upsert_contact,
    "DELETE contact/{id}": delete_contact,
    "POST tags/add": add_tags,
    "POST tags/remove": remove_tags,
    "POST invoice": upsert_order,
    "DELETE invoice/{id}": delete_owned,
    "POST subscription": upsert_subscription,
    "DELETE subscription/{id}": delete_owned,
    "POST product": upsert_product,
    "POST ad/performance": record_performance,
}
