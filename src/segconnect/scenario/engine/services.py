"""What a run is given from outside: clock, network, stores, connections, other scenarios."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

from segconnect import clock
from segconnect.mapping import Functions
from segconnect.modules import Module
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.registry import Declaration, Function
from segconnect.scenario.engine.result import Operation
from segconnect.scenario.engine.settings import Limits
from segconnect.scenario.engine.state import Response
from segconnect.scenario.engine.stores import DataStores


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """One HTTP request, to one address; redirects are not followed."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    timeout: float = 40  # seconds
    max_bytes: int = 50_000_000  # of the answer
    address: str | None = None  # the IP address to connect to, as it was checked
    verify: bool = True  # the server's certificate


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """The answer: headers in their order, with names as they came."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


Fetch = Callable[[FetchRequest], FetchResponse]
"""Sends a request. It raises ModuleError("ConnectionError", ...) where no usable answer comes."""


class Client(Protocol):
    """What the SegMetrics modules need of a connection to an account."""

    def send(self, module: Module) -> Any:
        """Sends one module, and answers its output."""


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail to be sent through a connection."""

    message: EmailMessage
    recipients: Sequence[str]
    connection: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Called:
    """A scenario that another one calls, with what is its own beside its blueprint.

    Attributes:
        bound: What its modules of other apps do, beside those that the caller bound by name.
        functions: What its templates may call; None is what the caller's may.
        base: The directory that its files are relative to; None is the caller's.
        file: That it was read from.
    """

    blueprint: Mapping[str, Any]
    bound: Mapping[int | str, Function | Declaration] = field(default_factory=dict)
    functions: Functions | None = None
    base: Path | None = None
    file: Path | None = None

    def services(self, caller: Services) -> Services:
        """Answers what its run may use."""
        bound: dict[int | str, Function | Declaration] = {
            key: each for key, each in caller.bound.items() if isinstance(key, str)
        }
        return replace(
            caller,
            bound={**bound, **self.bound},
            functions=caller.functions if self.functions is None else self.functions,
            base=caller.base if self.base is None else self.base,
            file=self.file,
        )


def _no_client(connection: str) -> Client:
    raise ModuleError(
        "AccountValidationError",
        f"connection {connection!r} is bound to nothing; bind it to a SegMetrics connection",
    )


def _no_scenario(scenario: str) -> Called:
    raise ModuleError("InvalidConfigurationError", f"scenario {scenario!r} is not known here")


class Intents(Protocol):
    """Knows which operations that may not be repeated were begun, and which were done."""

    def enter(self, number: int) -> None:
        """Says which bundle of the source comes now, from 1; 0: the run has none."""

    def begin(self, module: str, digest: str) -> tuple[str, Sequence[Mapping[str, Any]] | None]:
        """Writes an operation down that is about to happen.

        Args:
            module: What people call the module.
            digest: Tells the operation from others: its module, and what it is given.

        Returns:
            The operation's name, and what it put out if it was done before.

        Raises:
            ModuleError: UnknownFateError, if it was begun before and nobody knows more.
        """

    def done(self, operation: str, outputs: Sequence[Mapping[str, Any]]) -> None:
        """Writes down what an operation put out."""

    def failed(self, operation: str) -> None:
        """Forgets an operation that failed, and whose error is dealt with."""


@dataclass
class Services:
    """What a run may use. Everything has a default that needs nothing from outside.

    Attributes:
        bound: What modules of other apps do here: by module id, or by "app:Module".
        connections: Credentials by the id that blueprints give: user, password, key and so on.
        structures: Data structures by id: their fields.
        data_stores: Where data stores are kept; a store's name is the id in the blueprint, or what
            `store_names` makes of it.
        fetch: Sends HTTP requests; None is the default transport.
        allowed_hosts: Hosts, or host:port, that HTTP modules may reach though they are private.
        counters: Of the increments that are never reset, by scenario and module id.
        cursors: Where polling triggers stand, by scenario and module id; plain JSON values.
        functions: What templates may call; None is the built-in and installed functions.
        base: The directory that files of the scenario are relative to.
        file: That the scenario was read from.
        variables: What `var.team.x`, `var.organization.x` and `var.scenario.x` stand for.
        intents: Of operations that may not be repeated; None where nobody goes on after a crash.
        on_start: Called at the beginning of each cycle with what the first module put out, and
            where it will stand once the cycle is committed.
        should_stop: Asked before each operation: whether a person wants the run to end.
        on_operation: Called with every operation, as `trace` keeps it.
        on_response: Called when a webhook's caller can be answered.
    """

    now: Callable[[], datetime] = clock.now
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    timezone: str = "UTC"
    limits: Limits = field(default_factory=Limits)
    bound: Mapping[int | str, Function | Declaration] = field(default_factory=dict)
    connections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    structures: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    data_stores: DataStores = field(default_factory=DataStores)
    store_names: Mapping[str, str] = field(default_factory=dict)
    client_for: Callable[[str], Client] = _no_client
    load_scenario: Callable[[str], Called] = _no_scenario
    fetch: Fetch | None = None
    send_mail: Callable[[Mail], None] | None = None
    allowed_hosts: Sequence[str] = ()
    counters: dict[tuple[str, int], int] = field(default_factory=dict)
    cursors: dict[tuple[str, int], Any] = field(default_factory=dict)
    functions: Functions | None = None
    base: Path = Path()
    file: Path | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    intents: Intents | None = None
    on_start: Callable[[Sequence[Mapping[str, Any]], Mapping[int, Any]], None] | None = None
    should_stop: Callable[[], bool] | None = None
    on_operation: Callable[[Operation], None] | None = None
    on_response: Callable[[Response], None] | None = None

    def variables_of(
        self, scenario: str, execution_id: str, inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Answers what bare names and `var.` stand for in a run of that scenario."""
        known = self.variables.get("scenario") or {}
        return {
            **self.variables,
            "scenario": {"name": scenario, **known, "executionId": execution_id},
            "input": inputs,
            "executionId": execution_id,
        }

    def connection(self, parameters: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
        """Finds the credentials that a module's parameters name.

        Args:
            parameters: The module's.
            names: The parameters that may hold the connection's id, in order.

        Raises:
            ModuleError: It names none, or one that is bound to nothing.
        """
        for name in names:
            key = parameters.get(name)
            if key is None or key == "":
                continue
            found = self.connections.get(str(key))
            if found is None:
                raise ModuleError(
                    "AccountValidationError",
                    f"connection {str(key)!r} is bound to nothing; bind it to credentials",
                )
            return found
        raise ModuleError("AccountValidationError", "the module has no connection; choose one")
