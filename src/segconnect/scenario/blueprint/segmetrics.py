"""SegMetrics modules in blueprints: which class an id means, and which field a mapper's key means.

The ids of the SegMetrics app are not public. CANONICAL follows the conventions of the scenario
builder and is a guess; `resolve` takes every spelling that is likely, so that a real export runs
whatever its ids are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import product
from typing import Any

from segconnect.modules import (
    MODULES,
    AddTagToContact,
    AddUpdateContact,
    AddUpdateOrder,
    AddUpdateProduct,
    AddUpdateSubscription,
    DeleteContact,
    DeleteOrder,
    DeleteSubscription,
    DeleteTag,
    IdentifyVisitor,
    MakeApiCall,
    Module,
    RecordAdPerformance,
    RecordPageView,
)
from segconnect.modules.base import Collection, part_of

APP = "segmetrics"


def _camel(label: str) -> str:
    words: list[str] = re.findall(r"[a-z0-9]+", label.lower())
    return words[0] + "".join(word.capitalize() for word in words[1:])


CANONICAL: Mapping[str, type[Module]] = {
    f"{APP}:{_camel(module.label)}": module for module in MODULES
}
"""The class of each module by the id that we write."""

_UPSERT = [
    "addupdate",
    "addorupdate",
    "addandupdate",
    "updateadd",
    "createupdate",
    "createorupdate",
    "upsert",
    "add",
    "create",
    "update",
    "save",
]
_DELETE = ["delete", "remove"]
_ARTICLES = ["", "a", "an", "the"]
_TO_CONTACT = ["", *(f"to{article}contact" for article in _ARTICLES)]
_FROM_CONTACT = ["", *(f"from{article}contact" for article in _ARTICLES)]

_SPELLINGS: list[tuple[type[Module], tuple[list[str], ...]]] = [
    (AddUpdateContact, (_UPSERT, _ARTICLES, ["contact", "contacts"])),
    (DeleteContact, (_DELETE, _ARTICLES, ["contact", "contacts"])),
    (AddTagToContact, (["add", "apply", "create"], _ARTICLES, ["tag", "tags"], _TO_CONTACT)),
    (AddTagToContact, (["tag"], _ARTICLES, ["contact", "contacts"])),
    (DeleteTag, (_DELETE, _ARTICLES, ["tag", "tags"], _FROM_CONTACT)),
    (AddUpdateOrder, (_UPSERT, _ARTICLES, ["order", "orders", "invoice", "invoices"])),
    (DeleteOrder, (_DELETE, _ARTICLES, ["order", "orders", "invoice", "invoices"])),
    (AddUpdateProduct, (_UPSERT, _ARTICLES, ["product", "products"])),
    (AddUpdateSubscription, (_UPSERT, _ARTICLES, ["subscription", "subscriptions"])),
    (DeleteSubscription, (_DELETE, _ARTICLES, ["subscription", "subscriptions"])),
    (
        RecordAdPerformance,
        (["record", *_UPSERT, "import"], _ARTICLES, ["adperformance", "adsperformance"]),
    ),
    (MakeApiCall, (["make", "send", ""], _ARTICLES, ["apicall", "apirequest", "universalmodule"])),
    (MakeApiCall, (["universal"],)),
    (RecordPageView, (["record", *_UPSERT, "import"], _ARTICLES, ["pageview", "pageviews"])),
    (IdentifyVisitor, (["identify"], _ARTICLES, ["visitor", "visitors"])),
]


@cache
def _by_spelling() -> dict[str, type[Module]]:
    found: dict[str, type[Module]] = {}
    for module, parts in _SPELLINGS:
        for spelling in product(*parts):
            found.setdefault("".join(spelling), module)
    return found


def is_segmetrics(id_: str) -> bool:
    """Tells whether an id is one of the SegMetrics app, also as a private copy of it."""
    app = re.sub(r"[^a-z0-9]", "", id_.partition(":")[0].lower()).removeprefix("app")
    return id_.count(":") == 1 and app.startswith(APP)


def resolve(id_: str) -> type[Module] | None:
    """Answers the module that an id of the SegMetrics app means; None if it means none."""
    if not is_segmetrics(id_):
        return None
    name = _folded(id_.partition(":")[2])
    for prefix in ("", "action"):
        module = _by_spelling().get(name.removeprefix(prefix))
        if module is not None:
            return module
    return None


_OTHER_NAMES: dict[type[Collection], dict[str, str]] = {
    AddUpdateContact: {"emailaddress": "email", "id": "contact_id", "optinstatus": "status"},
    AddTagToContact: {"select": "update_by", "updatebyemailorcontactid": "update_by"},
    DeleteContact: {"contactid": "contact", "email": "contact", "id": "contact"},
    DeleteOrder: {"id": "invoice_id", "orderid": "invoice_id"},
    DeleteSubscription: {"id": "subscription_id"},
    AddUpdateOrder: {"orderid": "invoice_id", "createddate": "date_created"},
    AddUpdateProduct: {"id": "product_id"},
    RecordAdPerformance: {"ads": "ad", "campaign": "adcampaign", "adcampaigns": "adcampaign"},
}


@cache
def field_names(kind: type[Collection]) -> Mapping[str, str]:
    """Answers the field of each name that a mapper may use, folded to small letters and digits.

    A field has its own name, the wire's and the form's label.
    """
    found: dict[str, str] = {}
    facts = kind.facts()
    for name in facts:
        found[_folded(name)] = name
    for name, fact in facts.items():
        found.setdefault(_folded(fact.wire or name), name)
        found.setdefault(_folded(fact.label), name)
    found.update(
        {k: v for k, v in _OTHER_NAMES.get(kind, {}).items() if k not in map(_folded, facts)}
    )
    return found


def renamed(kind: type[Collection], mapper: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Gives a mapper the names of the fields, within lists and collections, too.

    Returns:
        The mapper, and the names that there is no field for; these are left out of it.
    """
    if _is_exact(kind, mapper):
        return dict(mapper), []
    names = field_names(kind)
    answer: dict[str, Any] = {}
    unknown: list[str] = []
    for key, value in mapper.items():
        name = names.get(_folded(key))
        if name is None:
            unknown.append(key)
            continue
        inner = part_of(kind, name)
        items: list[str] = []
        if isinstance(inner, type) and issubclass(inner, Collection):
            value, items = _renamed_inside(inner, value)
        unknown += [f"{key}.{item}" for item in items]
        if answer.get(name) in (None, ""):  # of contact_id and email, the one that is filled in
            answer[name] = value
    return answer, unknown


@cache
def _inside(kind: type[Collection]) -> Mapping[str, type[Collection] | None]:
    """Answers for each field which collection it holds, if it does."""
    inner = {name: part_of(kind, name) for name in kind.facts()}
    return {
        name: each if isinstance(each, type) and issubclass(each, Collection) else None
        for name, each in inner.items()
    }


def _is_exact(kind: type[Collection], value: Any) -> bool:
    """Tells whether all names are the fields' own, as they nearly always are."""
    if isinstance(value, list):
        return all(_is_exact(kind, item) for item in value)
    if not isinstance(value, dict):  # what is evaluated is no other kind of mapping
        return not isinstance(value, Mapping)
    known = _inside(kind)
    for key, item in value.items():
        if key not in known:
            return False
        inner = known[key]
        if inner is not None and not _is_exact(inner, item):
            return False
    return True


def _renamed_inside(kind: type[Collection], value: Any) -> tuple[Any, list[str]]:
    if isinstance(value, Mapping):
        return renamed(kind, value)
    if isinstance(value, list):
        pairs = [_renamed_inside(kind, item) for item in value]
        return [item for item, _ in pairs], list(dict.fromkeys(u for _, us in pairs for u in us))
    return value, []


def with_pairs(module: type[Module], values: Mapping[str, Any]) -> dict[str, Any]:
    """Makes rows of key and value a collection, where a field takes one; for evaluated values."""
    paired = _paired(module)
    if paired.isdisjoint(values):
        return dict(values)
    return {name: _pairs(value) if name in paired else value for name, value in values.items()}


@cache
def _paired(module: type[Module]) -> frozenset[str]:
    return frozenset(name for name in module.facts() if part_of(module, name) is dict)


def _pairs(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        return value
    rows = [(row.get("key", row.get("name")), row.get("value")) for row in value]
    return {str(key): each for key, each in rows if key not in (None, "")}


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
