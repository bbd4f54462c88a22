"""Makes a scenario file ready to run: what its ids stand for, and what its foreign modules do."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic_core import to_json

from segconnect.connections import Connections
from segconnect.errors import ScenarioError
from segconnect.mapping import Context, Functions, compile_value, load_functions
from segconnect.scenario import blueprint
from segconnect.scenario.blueprint import Bindings, Blueprint, Document, ModuleBinding, NeedKind
from segconnect.scenario.blueprint.bindings import HttpBinding
from segconnect.scenario.blueprint.segmetrics import is_segmetrics
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.fetching import default_fetch, fetch_following
from segconnect.scenario.engine.plan import Plan
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Declaration,
    Kind,
    Parameters,
    Values,
    always,
)
from segconnect.scenario.engine.services import Called, Client, FetchRequest, Services
from segconnect.scenario.engine.stores import DataStores
from segconnect.scenario.sources import SOURCES
from segconnect.settings import Settings

OpenClient = Callable[[str | None], Client]
"""Opens a client of the connection of that name; of the only one there is, for None."""


def functions_beside(path: Path) -> Functions | None:
    """Loads x.functions.py beside x.yaml; None if there is none.

    Raises:
        ScenarioError: It is there, and cannot be used.
    """
    stem = path.name.removesuffix(path.suffix).removesuffix(".blueprint")
    beside = path.with_name(f"{stem}.functions.py")
    return load_functions(beside) if beside.is_file() else None


@dataclass
class Scenario:
    """A scenario that is ready to run."""

    plan: Plan
    services: Services
    connection_of: Callable[[str], str | None]  # the name that an id in the blueprint stands for
    called: Mapping[Path, Called]  # the scenario itself, and those that it calls, by file
    clients: dict[str | None, Client] = field(default_factory=dict)  # those that were opened

    def check_connections(self, settings: Settings) -> None:
        """Makes sure that every module of an account has a connection that is kept.

        Raises:
            ConnectionSetupError: One has not.
        """
        kept = Connections(settings)
        for node in self.plan.nodes.values():
            if node.declaration.sends:
                kept.choose(self.connection_of(node.connection))

    def services_of(self, file: Path | None) -> Services:
        """Answers what the scenario of a file may use: this one, or one that it calls."""
        called = self.called.get(file) if file is not None else None
        return self.services if called is None else called.services(self.services)

    def close(self) -> None:
        """Closes what was opened for it."""
        for client in self.clients.values():
            close = getattr(client, "close", None)
            if close is not None:
                close()
        self.services.data_stores.close()


def prepare(
    path: Path,
    document: Document,
    bindings: Bindings,
    settings: Settings,
    *,
    connection: str | None = None,
    open_client: OpenClient | None = None,
    is_offline: bool = False,
) -> Scenario:
    """Turns what a scenario is bound to into what its run may use.

    Args:
        path: The scenario's file; others are relative to its directory.
        document: What was read from it, and checked.
        bindings: What its ids are bound to.
        settings: Where connections and data stores are kept.
        connection: The connection that SegMetrics modules send with, whatever is bound.
        open_client: Opens the connections of SegMetrics modules; default: a client over HTTP.
        is_offline: Whether connections are not looked up, and data stores not opened.

    Raises:
        ScenarioError: A file that it is bound to cannot be read.
        ConnectionSetupError: A connection that it is bound to is not there.
    """
    found = _Bound(None if is_offline else Connections(settings))
    found.read(path, document, bindings)
    services = Services(
        timezone=document.blueprint.timezone,
        bound=found.called[path].bound,
        connections=found.credentials,
        structures=found.structures,
        store_names=found.stores,
        load_scenario=found.load,
        allowed_hosts=settings.allowed_hosts,
        functions=found.called[path].functions,
        base=path.parent,
        file=path,
    )
    plan = Plan(found.called[path].blueprint, services.bound, services.limits, services.functions)
    if found.has_stores and not is_offline:
        services.data_stores = DataStores(_stores_file(settings))

    def connection_of(id_: str) -> str | None:
        return connection or found.names.get(id_) or document.blueprint.connection

    scenario = Scenario(plan, services, connection_of, found.called)
    opens = open_client or _opener(settings)

    lock = Lock()

    def client_for(id_: str) -> Client:
        name = connection_of(id_)
        with lock:  # incomplete executions are taken up several at a time
            if name not in scenario.clients:
                scenario.clients[name] = opens(name)
            return scenario.clients[name]

    scenario.services.client_for = client_for
    return scenario


def _opener(settings: Settings) -> OpenClient:
    from segconnect.client import Client as HttpClient

    return lambda name: HttpClient(Connections(settings).choose(name), settings=settings)


def _stores_file(settings: Settings) -> Path:
    settings.data.expanduser().mkdir(parents=True, exist_ok=True)
    return settings.data.expanduser() / "datastores.db"


_STANDS_FOR = {
    NeedKind.CONNECTION: "account",
    NeedKind.DATASTORE: "datastore",
    NeedKind.SCENARIO: "scenarioId",
}
"""The parameter that is filled in where a published blueprint has left it out."""


_NO_CREDENTIALS = {
    "user": "tester",
    "password": "secret",
    "key": "secret",
    "from": "tester@example.com",
    "host": "mail.example.com",
    "clientId": "tester",
    "clientSecret": "secret",
    "token": "secret",
}
"""What stands for the credentials of every connection in a test."""


class _Bound:
    """What a scenario, and those that it calls, are bound to."""

    def __init__(self, connections: Connections | None) -> None:
        self._connections = connections
        self.called: dict[Path, Called] = {}  # the scenario itself, and those that it calls
        self.names: dict[str, str] = {}  # of SegMetrics connections
        self.credentials: dict[str, Mapping[str, Any]] = {}  # of all others
        self.stores: dict[str, str] = {}
        self.structures: dict[str, list[dict[str, Any]]] = {}
        self.scenarios: dict[str, Path] = {}
        self.has_stores = False

    def load(self, id_: str) -> Called:
        """Finds the scenario that another one calls.

        Raises:
            ModuleError: It is bound to none.
        """
        if id_ not in self.scenarios:
            raise ModuleError(
                "InvalidConfigurationError", f"scenario {id_!r} is bound to no scenario file"
            )
        return self.called[self.scenarios[id_]]

    def read(self, path: Path, document: Document, bindings: Bindings) -> None:
        """Adds what one scenario is bound to."""
        raw = copy.deepcopy(document.blueprint.raw)
        own = Blueprint(raw)
        modules: dict[int | str, Declaration] = {}
        is_called, own_name = bool(self.called), document.blueprint.connection
        self.called[path] = Called(raw, modules, functions_beside(path), path.parent, path)
        report = blueprint.check(document, bindings)
        for need in report.needs:
            value = bindings.bound_to(need)
            if need.kind is NeedKind.MODULE:
                continue
            key = need.key if need.id is not None else f"{need.key} of {path.name}"
            is_offline = need.kind is NeedKind.CONNECTION and self._connections is None
            is_given = value is not None or is_offline
            if need.id is None and is_given and need.kind in _STANDS_FOR:
                for id_ in need.modules:
                    node = own.node(id_) if id_ is not None else None
                    if node is not None:
                        parameters = {**node.parameters, _STANDS_FOR[need.kind]: key}
                        node.raw["parameters"] = parameters  # type: ignore[index]  # our own copy
            self._take(path, need.kind, key, need.app, value)
        for node in own.walk():
            if node.module in SOURCES:
                self._find_credentials(node.parameters.get("connection"))
            self.has_stores = self.has_stores or node.module.startswith("datastore:")
            if is_called and own_name and is_segmetrics(node.module):  # not the caller's, then
                self.names[own_name] = own_name
                node.raw["parameters"] = {**node.parameters, "__IMTCONN__": own_name}  # type: ignore[index]
            bound = bindings.module(node.id, node.module)
            if bound is not None and node.id is not None:
                modules[node.id] = _declared(node, bound, path.parent)

    def _find_credentials(self, name: Any) -> None:
        """Of a source of ours, a connection is named as it is kept; it needs no binding."""
        if isinstance(name, str) and name not in self.credentials:
            kept = self._connections
            self.credentials[name] = _NO_CREDENTIALS if kept is None else kept.credentials(name)

    def _take(self, path: Path, kind: NeedKind, key: str, app: str, value: Any) -> None:
        if value is None and not (kind is NeedKind.CONNECTION and self._connections is None):
            return
        if kind is NeedKind.CONNECTION and self._connections is None:
            self.credentials[key] = _NO_CREDENTIALS
        elif kind is NeedKind.CONNECTION and is_segmetrics(f"{app}:"):
            assert self._connections is not None
            self._connections.get(value)  # or it is told before anything is sent
            self.names[key] = value
        elif kind is NeedKind.CONNECTION:
            assert self._connections is not None
            self.credentials[key] = self._connections.credentials(value)
        elif kind is NeedKind.DATASTORE:
            self.stores[key] = value
        elif kind is NeedKind.STRUCTURE:
            self.structures[key] = structure_of(path.parent, value)
        elif kind is NeedKind.SCENARIO:
            called = Path(os.path.normpath(path.parent / value))  # or a/../a/… would never end
            self.scenarios[key] = called
            if called not in self.called:
                _, bound = blueprint.bindings_of(called)
                self.read(called, blueprint.read(called), bound)


def structure_of(base: Path, value: Any) -> list[dict[str, Any]]:
    """Reads a data structure: a list of fields, or the name of a JSON file that holds one.

    Raises:
        ScenarioError: It cannot be read, or is no list of fields.
    """
    if isinstance(value, list):
        return value
    found = _json(base / str(value), "a data structure")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ScenarioError(
            f"{base / str(value)}: expected a list of fields, such as"
            ' [{"name": "email", "type": "email", "required": true}]'
        )
    return found


def _json(path: Path, what: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ScenarioError(f"{path}: {what} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ScenarioError(f"{path}: {what} is not JSON: {error}") from None


# what modules of other apps do here


def _declared(node: blueprint.Node, bound: ModuleBinding, base: Path) -> Declaration:
    is_first = node.path == "flow[0]"
    kind = Kind.TRIGGER if is_first else Kind.SEARCH
    once = None
    if bound.http is not None:
        function = _http(bound.http)
        once = always if bound.http.method.upper() in ("POST", "PATCH") else None
    elif bound.sample is not None:
        function = _sample(bound.sample, base)
        kind = kind if is_first or isinstance(bound.sample, list) else Kind.ACTION
    else:
        assert bound.python is not None
        function, once = _python(bound.python, base), always
    if bound.http is not None and not is_first:
        kind = Kind.ACTION
    once = None if is_first else once
    return Declaration(node.module, kind, run=function, polls=False, once=once)


def _sample(sample: str | dict[str, Any] | list[dict[str, Any]], base: Path) -> Any:
    found = _json(base / sample, "a sample") if isinstance(sample, str) else sample
    bundles = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in bundles):
        raise ScenarioError(f"{sample}: a sample is a bundle, or a list of bundles")

    def give(call: Call, parameters: Parameters, values: Values) -> Iterable[Bundle]:
        return copy.deepcopy(bundles)

    return give


def _http(binding: HttpBinding) -> Any:
    url, headers, query, body = (
        compile_value(each, field=name)
        for name, each in (
            ("url", binding.url),
            ("headers", binding.headers),
            ("query", binding.query),
            ("body", binding.body),
        )
    )

    def send(call: Call, parameters: Parameters, values: Values) -> Bundle:
        from urllib.parse import urlencode

        context = Context(
            {}, call.context.now, call.context.timezone, {**call.context.variables, **values}
        )
        target, asked = str(url(context)), query(context)
        if asked:
            target += ("&" if "?" in target else "?") + urlencode(asked, doseq=True)
        content = values if binding.body is None else body(context)
        is_sent = binding.method not in ("get", "head")
        sent = [(str(name), str(value)) for name, value in headers(context).items()]
        if is_sent and not any(name.lower() == "content-type" for name, _ in sent):
            kind = "text/plain; charset=utf-8" if isinstance(content, str) else "application/json"
            sent.append(("Content-Type", kind))
        data = content.encode() if isinstance(content, str) else to_json(content)
        response, _ = fetch_following(
            call.services.fetch or default_fetch,
            FetchRequest(
                binding.method.upper(),
                target,
                sent,
                data if is_sent else None,
                timeout=binding.timeout,
            ),
            call.services.allowed_hosts,
        )
        return _answer(response.status, response.headers, response.body, binding.output)

    return send


def _answer(status: int, headers: Iterable[tuple[str, str]], body: bytes, output: str) -> Bundle:
    try:
        data = json.loads(body) if body else None
    except ValueError:
        data = body.decode("utf-8", "replace")
    if status >= 400:
        kind = "RateLimitError" if status == 429 else "ConnectionError"
        kind = kind if status == 429 or status >= 500 else "DataError"
        told = data if isinstance(data, str) else body.decode("utf-8", "replace")
        raise ModuleError(kind, f"[{status}] {told[:500]}")
    if output == "all":
        return {"statusCode": status, "headers": dict(headers), "data": data}
    return data if isinstance(data, dict) else {"data": data}


def _python(name: str, base: Path) -> Any:
    """Finds a function of one argument, the module's fields; it answers a bundle, several or None.

    Raises:
        ScenarioError: There is no such function.
    """
    place, _, attribute = name.rpartition(":")
    try:
        if place.endswith(".py"):
            spec = importlib.util.spec_from_file_location(
                f"segconnect_bound_{Path(place).stem}", base / place
            )
            assert spec is not None
            assert spec.loader is not None
            loaded = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(loaded)
        else:
            loaded = importlib.import_module(place)
        function = getattr(loaded, attribute)
    except Exception as error:  # whatever the file does
        raise ScenarioError(
            f"the Python function {name} cannot be used: {type(error).__name__}: {error}"
        ) from None
    if not callable(function):
        raise ScenarioError(f"{name} is not a function")

    def call_it(call: Call, parameters: Parameters, values: Values) -> Any:
        found = function({**parameters, **values})
        if found is None or isinstance(found, dict):
            return [{} if found is None else found]
        return found

    return call_it
