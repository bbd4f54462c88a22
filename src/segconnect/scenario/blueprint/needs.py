"""What a blueprint needs that its file cannot carry: connections, webhooks, stores, structures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from segconnect.scenario.blueprint import segmetrics
from segconnect.scenario.blueprint.model import Blueprint, Node, fields


class NeedKind(StrEnum):
    """What is needed; the order is that of the file of bindings."""

    section: str
    placeholder: str
    question: str

    def __new__(cls, value: str, section: str, placeholder: str, question: str) -> NeedKind:
        """Keeps the section of the file, what stands there before it is filled in, a question."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.section, kind.placeholder, kind.question = section, placeholder, question
        return kind

    CONNECTION = "connection", "connections", "NAME", "Name of a connection here"
    WEBHOOK = "webhook", "webhooks", "PATH", "Path of its URL"
    DATASTORE = "data store", "datastores", "NAME", "Name of a data store here"
    STRUCTURE = (
        "data structure",
        "structures",
        "[{name: email, type: text}]",
        "File with its fields, in JSON or YAML",
    )
    SCENARIO = "scenario", "scenarios", "FILE", "File of the scenario"
    MODULE = (
        "module",
        "modules",
        "{sample: FILE.json} # or {http: {url: URL}}, or {python: FILE.py:FUNCTION}",
        "What it does here: a URL to post to, FILE.json with its output, or FILE.py:FUNCTION",
    )

    def value_of(self, answer: str) -> Any:
        """Makes a binding of what a person typed."""
        if self is not NeedKind.MODULE:
            return answer
        if answer.lower().startswith(("http://", "https://")):
            return {"http": {"url": answer}}
        if ".py:" in answer or ("/" not in answer and ":" in answer):
            return {"python": answer}
        return {"sample": answer}


@dataclass
class Need:
    """Something that must be bound.

    Attributes:
        kind: What it is.
        id: The id that the blueprint has for it; of a module its "app:Module". None: it has none.
        label: What it was called where the blueprint comes from.
        app: The app that it belongs to.
        modules: The ids of the modules that need it.
        is_required: Whether nothing runs without it.
        is_bound: Whether the file of bindings has it.
    """

    kind: NeedKind
    id: str | None
    label: str = ""
    app: str = ""
    modules: list[int | None] = field(default_factory=list)
    is_required: bool = True
    is_bound: bool = False

    @property
    def key(self) -> str:
        """The key to bind it by."""
        return self.id if self.id is not None else f"module {self.modules[0]}"

    def keys(self) -> list[str]:
        """The keys that it may be bound by, in order."""
        keys = [str(self.modules[0])] if self.kind is NeedKind.MODULE else []
        keys.append(self.key)
        if self.kind is NeedKind.MODULE:
            keys.append(f"{self.app}:*")
        elif self.label:
            keys.append(self.label)
        return keys

    def explained(self) -> str:
        """Says in one line what it is."""
        label = f" {' '.join(self.label.split())!r}" if self.label else ""
        app = f" of {self.app}" if self.app and self.kind is NeedKind.CONNECTION else ""
        what = f" {self.id}" if self.kind is NeedKind.MODULE else ""
        users = ", ".join(map(str, self.modules))
        plural = "modules" if len(self.modules) > 1 else "module"
        optional = "" if self.is_required else " (not required)"
        return f"{self.kind}{what}{label}{app}, for {plural} {users}{optional}"


_BY_TYPE = {
    "account": NeedKind.CONNECTION,
    "keychain": NeedKind.CONNECTION,
    "hook": NeedKind.WEBHOOK,
    "datastore": NeedKind.DATASTORE,
    "udt": NeedKind.STRUCTURE,
    "scenario": NeedKind.SCENARIO,
}
"""What a field of a form asks for, by the first word of its type."""

_BY_NAME = {
    "__IMTCONN__": NeedKind.CONNECTION,
    "makeConnectionId": NeedKind.CONNECTION,
    "oAuthAccount": NeedKind.CONNECTION,
    "apiKeyKeychain": NeedKind.CONNECTION,
    "basicAuthKeychain": NeedKind.CONNECTION,
    "proxyKeychain": NeedKind.CONNECTION,
    "mTlsKeychain": NeedKind.CONNECTION,
    "__IMTHOOK__": NeedKind.WEBHOOK,
    "hook": NeedKind.WEBHOOK,
    "datastore": NeedKind.DATASTORE,
    "bodyDataStructure": NeedKind.STRUCTURE,
}
_BY_NUMBER = {  # these names have other uses; an id is a number
    "account": NeedKind.CONNECTION,
    "auth": NeedKind.CONNECTION,
    "key": NeedKind.CONNECTION,
    "type": NeedKind.STRUCTURE,
    "scenario": NeedKind.SCENARIO,
    "scenarioId": NeedKind.SCENARIO,
}
_MUST_HAVE: Mapping[str, NeedKind] = {
    "gateway:CustomWebHook": NeedKind.WEBHOOK,
    "gateway:CustomMailHook": NeedKind.WEBHOOK,
    "http:ActionSendDataAPIKeyAuth": NeedKind.CONNECTION,
    "http:ActionSendDataBasicAuth": NeedKind.CONNECTION,
    "http:ActionSendDataOAuth": NeedKind.CONNECTION,
    "email:ActionSendEmail": NeedKind.CONNECTION,
    "email:TriggerNewEmail": NeedKind.CONNECTION,
    "scenario-service:StartSubscenario": NeedKind.SCENARIO,
    "scenario-service:CallSubscenario": NeedKind.SCENARIO,
}
"""What a module needs even where the file does not name it: published blueprints leave it out."""


_SIGN_INS = ("apiKey", "basicAuth", "oAuth")
"""Of HTTP modules of version 4, the ways to sign in that need a connection."""


def needs_of(blueprint: Blueprint, runs: Mapping[str, bool]) -> list[Need]:
    """Lists what must be bound.

    Args:
        blueprint: The blueprint.
        runs: Whether the module at a path runs here by itself; where it is False, the module is to
            be bound, and a module that is not there at all is not asked for.
    """
    found: dict[tuple[NeedKind, str], Need] = {}
    for node in blueprint.walk():
        if node.path not in runs:
            continue
        each = _of_node(node, blueprint) if runs[node.path] else _of_foreign(node)
        for need in each:
            known = found.setdefault((need.kind, need.key), need)
            if known is not need:
                known.modules += need.modules
                known.is_required = known.is_required or need.is_required
                known.label = known.label or need.label
    return sorted(found.values(), key=lambda need: list(NeedKind).index(need.kind))


def _of_foreign(node: Node) -> Iterator[Need]:
    app = node.module.partition(":")[0]
    yield Need(NeedKind.MODULE, node.module, node.name, app, [node.id])


def _of_node(node: Node, blueprint: Blueprint) -> Iterator[Need]:
    types = {
        str(each["name"]): str(each.get("type", ""))
        for each in fields(node.metadata.get("parameters"))
    }
    kinds = set()
    is_chosen = segmetrics.is_segmetrics(node.module) and blueprint.connection is not None
    for name, value in node.parameters.items():
        kind = _kind(name, value, types.get(name, ""))
        if kind is None or value in (None, "") or isinstance(value, (dict, list, bool)):
            continue
        kinds.add(kind)
        if kind is NeedKind.CONNECTION and is_chosen:
            continue
        app = types.get(name, "").partition(":")[2] or node.module.partition(":")[0]
        required = kind is not NeedKind.STRUCTURE
        yield Need(kind, str(value), _label(node, name), app, [node.id], required)
    missing = _MUST_HAVE.get(node.module)
    if node.module.startswith("datastore:"):
        missing = NeedKind.DATASTORE
    if node.module.startswith("http:") and node.parameters.get("authenticationType") in _SIGN_INS:
        missing = NeedKind.CONNECTION
    if missing is not None and missing not in kinds:
        yield Need(missing, None, "", node.module.partition(":")[0], [node.id])


def _kind(name: str, value: Any, type_: str) -> NeedKind | None:
    kind = _BY_TYPE.get(type_.partition(":")[0])
    if kind is None:
        kind = _BY_NAME.get(name)
    if kind is None and isinstance(value, int):
        kind = _BY_NUMBER.get(name)
    return kind


def _label(node: Node, name: str) -> str:
    """Finds what a connection or the like was called where the blueprint comes from."""
    restore = node.metadata.get("restore")
    for place in ("parameters", "extra", "expect", None):
        found = restore
        for key in (place, name) if place else (name,):
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            data = found.get("data")
            label = found.get("label") or (data.get("label") if isinstance(data, Mapping) else "")
            if isinstance(label, str) and label:
                return label
    return ""
