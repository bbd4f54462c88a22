"""Connections: where modules send to, and with which key; kept with the key encrypted.

Beside those to SegMetrics the store keeps credentials for other services, such as a mail server:
see `segconnect.credentials`. All that is known of them is encrypted.

>>> shop = Connection(
...     name="shop", api_key="k8Tq2vXw5yZa7bCd9eFg1h", account_id="A12", integration_id="I34"
... )
>>> store = Connections(Settings(data=directory))
>>> store.save(shop, verify=False)
>>> store.get("shop").base_url
'https://import.segmetrics.io/api'
>>> store.get("shop").api_key
SecretStr('**********')
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, SecretStr, ValidationError

from segconnect import credentials
from segconnect.errors import ConnectionSetupError, unknown_name
from segconnect.limits import Limits
from segconnect.modules.base import Collection, optional, required
from segconnect.modules.values import Text
from segconnect.secrets import Vault, locked, write_private
from segconnect.settings import HOSTED_URL, Settings, load
from segconnect.transport import Transport
from segconnect.transport.http import is_loopback
from segconnect.types import Id
from segconnect.wire.request import Address

LOCAL = "local"
"""The base URL of our own account, wherever the settings say that it is served."""

STORE_FILE = "connections.json"
SEGMETRICS = "segmetrics"
"""The service of a connection that modules of SegMetrics are sent through."""


def _read_name(value: Any) -> str:
    name = str(value).strip()
    if not name:
        raise ValueError("is empty; expected a name of your own")
    if len(name) > 100 or not name.isprintable():
        raise ValueError("is not a name: at most 100 characters, all of which can be printed")
    return name


def _read_key(value: Any) -> SecretStr:
    """Never says what was given."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or not text.strip():
        raise ValueError("is empty; expected the API Key that SegMetrics shows")
    text = re.sub(r"^(?:Basic|Bearer)\s+", "", text.strip(), flags=re.IGNORECASE)
    if not re.fullmatch(r"[\x21-\x7e]{1,500}", text):
        raise ValueError("holds a blank, a line break or a letter that no key has; copy it again")
    return SecretStr(text)


def _read_id(value: str) -> str:
    if value in (".", ".."):
        raise ValueError(f"{value!r} is no ID")
    return value


def _read_url(value: Any) -> str:
    """Reads the API root; what was pasted beyond it is cut off."""
    text = HOSTED_URL if value is None else str(value).strip()
    if text.lower() == LOCAL:
        return LOCAL
    if "@" in text:
        raise ValueError("holds a user or password ('@'); only the API Key tells who you are")
    if "?" in text or "#" in text:
        raise ValueError("holds a part that no API root has ('?' or '#'); leave it out")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(
            f"{text!r} is not a URL; expected one such as {HOSTED_URL}, or {LOCAL!r} for an"
            " account of your own on this machine"
        )
    if not re.fullmatch(r"[0-9A-Za-z._:-]+", host):
        raise ValueError(f"{host!r} is not a host name")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(
            f"{text!r} is not encrypted, and the API key would be readable on the way; use https"
        )
    path = re.sub(r"/v1(?:/.*)?$", "", parts.path.rstrip("/")).rstrip("/")
    if not re.fullmatch(r"(?:/[\w.~%-]+)*", path, re.ASCII) or {".", ".."} & {*path.split("/")}:
        raise ValueError(f"{parts.path!r} is not a path of an API root")
    if not path and host == urlsplit(HOSTED_URL).hostname:
        return HOSTED_URL
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}{f':{port}' if port is not None else ''}{path}"


class Connection(Collection):
    """Where modules send to, and with which key. The key is never shown.

    Raises:
        ConnectionSetupError: The values do not fit; every problem is told at once, by label.
    """

    model_config = ConfigDict(hide_input_in_errors=True, validate_default=True)

    name: Annotated[Text, BeforeValidator(_read_name)] = required(
        "Connection name", "A name of your own for the connection.", mappable=False
    )
    api_key: Annotated[SecretStr, BeforeValidator(_read_key)] = required(
        "API Key", "The key that SegMetrics shows for the integration.", mappable=False
    )
    account_id: Annotated[Id, BeforeValidator(_read_id)] = required(
        "Account ID", "The account's ID: Settings > Account Settings.", mappable=False
    )
    integration_id: Annotated[Id, BeforeValidator(_read_id)] = required(
        "Integration ID", "The ID of the custom integration.", mappable=False
    )
    base_url: Annotated[Text, BeforeValidator(_read_url)] = optional(
        "Base URL",
        f"The API root; default {HOSTED_URL}. {LOCAL} is your own account on this machine.",
        mappable=False,
        advanced=True,
        source="segconnect",
    )

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems = [_problem(each) for each in error.errors(include_input=False)]
            raise ConnectionSetupError(f"the connection: {'; '.join(problems)}") from None

    @property
    def address(self) -> Address:
        """Whose data is meant."""
        return Address(self.account_id, self.integration_id)

    def root(self, settings: Settings | None = None) -> str:
        """Answers the API root; that of `local` is looked up in the settings."""
        return (settings or load()).local_url if self.base_url == LOCAL else self.base_url

    def transport(
        self, settings: Settings | None = None, limits: Limits | None = None
    ) -> Transport:
        """Opens the way to the account.

        Args:
            settings: What "local" means, and the limits where none are given; default: as usual.
            limits: Time-outs, retries and rate.
        """
        settings = settings or load()
        limits = limits or Limits.of(settings)
        key = self.api_key.get_secret_value()
        return Transport(self.root(settings), key, name=self.name, limits=limits)


def _problem(error: Any) -> str:
    """Says one of pydantic's errors in the words of the form, and never the value."""
    facts, name = Connection.facts(), str(error["loc"][0])
    if name not in facts:
        return unknown_name("field", name, facts)
    what = str(error["msg"]).removeprefix("Value error, ")
    return f"{facts[name].label}: {'missing' if error['type'] == 'missing' else what}"


class Listed(NamedTuple):
    """What is shown of a connection that is kept."""

    name: str
    account_id: str
    integration_id: str
    base_url: str
    service: str = SEGMETRICS  # of any other, account, integration and URL are empty

    def facts(self) -> dict[str, str]:
        """Answers it for programs; what its service does not have is left out."""
        found = self._asdict()
        return {name: found[name] for name in ("name", "service", *self._fields) if found[name]}


class Connections:
    """The connections that are kept in the data directory, by name.

    Other processes may change them at the same time: nothing is lost, and none is half written.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = settings.data.expanduser() / STORE_FILE
        self._vault = Vault(settings)

    def list(self) -> list[Listed]:
        """Answers what is kept, by name; no key is needed for it."""
        kept = self._read()
        return [_listed(name, kept[name]) for name in sorted(kept)]

    def get(self, name: str) -> Connection:
        """Answers a connection to SegMetrics, with its key.

        Raises:
            ConnectionSetupError: There is none of that name, it is for another service, or its key
                cannot be read.
        """
        kept = self._read()
        self._expect(name, kept, _to_segmetrics(kept))
        fields = dict(kept[name])
        sealed = str(fields.pop("api_key", ""))
        key = self._vault.open(sealed, f"the API key of connection {name!r}")
        return Connection(name=name, api_key=key, **fields)

    def choose(self, name: str | None = None) -> Connection:
        """Answers the connection of that name; without a name, the only one to SegMetrics.

        Raises:
            ConnectionSetupError: It cannot be chosen.
        """
        if name is not None:
            return self.get(name)
        names = _to_segmetrics(self._read())
        if len(names) > 1:
            raise ConnectionSetupError(
                f"there are several connections; name one: {', '.join(names)}"
            )
        return self.get(names[0] if names else "")

    def save(self, connection: Connection, *, verify: bool = True) -> None:
        """Keeps a connection, in the place of one with the same name.

        Args:
            connection: What to keep.
            verify: Whether the account is asked first if it accepts the connection.

        Raises:
            UnauthorizedError: The account does not accept it; nothing was kept.
            ConnectionSetupError: It leads to no account, or cannot be written.
            UnreachableError: The account did not answer; nothing was kept.
        """
        if verify:
            verify_now(connection, self._settings)
        fields = {
            "api_key": self._vault.seal(connection.api_key.get_secret_value()),
            "account_id": connection.account_id,
            "integration_id": connection.integration_id,
            "base_url": connection.base_url,
        }
        with locked(self._path):
            kept = self._read()
            self._expect_room(connection.name, SEGMETRICS, kept)
            kept[connection.name] = fields
            self._write(kept)

    def credentials(self, name: str) -> dict[str, Any]:
        """Answers the credentials for another service: the values by the names that modules read.

        Raises:
            ConnectionSetupError: There are none of that name, it is a connection to SegMetrics, or
                they cannot be read.
        """
        kept = self._read()
        names = [each for each in sorted(kept) if _service(kept[each]) != SEGMETRICS]
        self._expect(name, kept, names, "credentials for other services are")
        sealed = str(kept[name].get("sealed", ""))
        values = json.loads(self._vault.open(sealed, f"what is kept of connection {name!r}"))
        assert isinstance(values, dict)
        return values

    def save_credentials(
        self,
        name: str,
        service: str,
        values: Mapping[str, str | int | bool],
        *,
        verify: bool = True,
    ) -> None:
        """Keeps credentials for another service, in the place of those with the same name.

        Args:
            name: A name of your own for the connection.
            service: One of `credentials.SERVICES`, such as smtp.
            values: What it needs; see its declaration. All of them are sealed.
            verify: Whether a mail server is asked first if it accepts them.

        Raises:
            ConnectionSetupError: The values do not fit, or the name is that of a connection to
                SegMetrics, or the file cannot be written.
            UnauthorizedError: The server refuses the sign-in; nothing was kept.
            UnreachableError: The server did not answer; nothing was kept.
        """
        try:
            name = _read_name(name)
        except ValueError as error:
            raise ConnectionSetupError(f"the connection: Connection name: {error}") from None
        kind = credentials.service_of(service).service
        found = credentials.read(kind, values)
        self._expect_room(name, kind, self._read())  # before a server is asked
        if verify:
            credentials.verify(name, kind, found)
        sealed = self._vault.seal(json.dumps(found))
        with locked(self._path):
            kept = self._read()
            self._expect_room(name, kind, kept)
            kept[name] = {"service": kind, "sealed": sealed}
            self._write(kept)

    def delete(self, name: str) -> None:
        """Forgets a connection and its key.

        Raises:
            ConnectionSetupError: There is none of that name.
        """
        with locked(self._path):
            kept = self._read()
            self._expect(name, kept, sorted(kept))
            del kept[name]
            self._write(kept)

    def held(self, name: str) -> dict[str, Any]:
        """Answers what is kept of a connection, its secrets sealed as they are.

        Raises:
            ConnectionSetupError: There is none of that name.
        """
        kept = self._read()
        self._expect(name, kept, sorted(kept))
        return kept[name]

    def give_back(self, name: str, fields: Mapping[str, Any]) -> None:
        """Keeps a connection again that was deleted, as `held` answered it.

        Raises:
            ConnectionSetupError: There is another one of its name by now.
        """
        with locked(self._path):
            kept = self._read()
            if name in kept:
                raise ConnectionSetupError(
                    f"there is a connection {name!r} by now; delete it first"
                )
            kept[name] = dict(fields)
            self._write(kept)

    def _expect(
        self,
        name: str,
        kept: dict[str, Any],
        names: Sequence[str],
        kind: str = "connection to SegMetrics is",
    ) -> None:
        """Refuses a name that is not one of `names`, which are of the kind that is asked for."""
        if name in names:
            return
        if name in kept and _service(kept[name]) == SEGMETRICS:
            raise ConnectionSetupError(
                f"connection {name!r} is one to SegMetrics, and no credentials for another service"
            )
        if name in kept:
            raise ConnectionSetupError(
                f"connection {name!r} is for {_service(kept[name])}, and not one to SegMetrics"
            )
        if names:
            raise ConnectionSetupError(unknown_name("connection", name, names))
        if kept:
            raise ConnectionSetupError(f"no {kind} kept in {self._path}; save one first")
        raise ConnectionSetupError(f"no connection is kept in {self._path}; save one first")

    def _expect_room(self, name: str, service: str, kept: dict[str, Any]) -> None:
        """Refuses to write credentials over a connection to SegMetrics, or the other way."""
        if name in kept and (_service(kept[name]) == SEGMETRICS) != (service == SEGMETRICS):
            raise ConnectionSetupError(
                f"there is a connection {name!r} for {_service(kept[name])} already: choose another"
                " name, or delete it first"
            )

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            kept = json.loads(self._path.read_bytes())["connections"]
            if isinstance(kept, dict) and all(isinstance(each, dict) for each in kept.values()):
                return kept
            problem = "it does not hold connections"
        except FileNotFoundError:
            return {}
        except OSError as error:
            problem = error.strerror or "it cannot be opened"
        except (ValueError, KeyError, TypeError) as error:
            problem = f"{type(error).__name__}: {error}"
        raise ConnectionSetupError(
            f"{self._path} cannot be read ({problem}): mend it, or move it away and save the"
            " connections again"
        )

    def _write(self, kept: dict[str, dict[str, Any]]) -> None:
        content = json.dumps({"version": 1, "connections": kept}, indent=2, ensure_ascii=False)
        write_private(Path(self._path), content.encode() + b"\n")


def _service(fields: Mapping[str, Any]) -> str:
    return str(fields.get("service", SEGMETRICS))


def _listed(name: str, fields: Mapping[str, Any]) -> Listed:
    service = _service(fields)
    if service != SEGMETRICS:
        return Listed(name, "", "", "", service)
    return Listed(name, *(str(fields.get(field)) for field in Listed._fields[1:4]))


def _to_segmetrics(kept: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [name for name in sorted(kept) if _service(kept[name]) == SEGMETRICS]


def verify_now(connection: Connection, settings: Settings | None = None) -> None:
    """Asks the account, by a harmless call, whether it accepts a connection.

    It may be called where an event loop runs, and blocks it.

    Raises:
        UnauthorizedError: The account does not accept the key.
        ConnectionSetupError: The connection leads to no account or integration.
        UnreachableError: The account did not answer.
    """
    settings = settings or load()
    limits = Limits.of(settings)
    limits = replace(limits, attempts=min(3, limits.attempts))  # a person is waiting

    async def ask() -> None:
        transport = connection.transport(settings, limits)
        try:
            await transport.verify(connection.address)
        finally:
            await transport.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, ask()).result()
