"""Connections: where modules send to, and with which key; kept with the key encrypted.

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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, SecretStr, ValidationError

from segconnect.errors import ConnectionSetupError, unknown_name
from segconnect.modules.base import Collection, optional, required
from segconnect.modules.values import Text
from segconnect.secrets import Vault, locked, write_private
from segconnect.settings import HOSTED_URL, Settings, load
from segconnect.types import Id
from segconnect.wire.request import Address

if TYPE_CHECKING:
    from segconnect.transport import Limits, Transport

LOCAL = "local"
"""The base URL of our own account, wherever the settings say that it is served."""

STORE_FILE = "connections.json"


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
    if parts.scheme == "http" and not _is_loopback(host):
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


def _is_loopback(host: str) -> bool:
    from segconnect.transport import is_loopback

    return is_loopback(host)


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
        """Opens the way to the account."""
        from segconnect.transport import Transport  # what lists connections opens no socket

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
        return [
            Listed(name, *(str(kept[name].get(field)) for field in Listed._fields[1:]))
            for name in sorted(kept)
        ]

    def get(self, name: str) -> Connection:
        """Answers a connection, with its key.

        Raises:
            ConnectionSetupError: There is none of that name, or its key cannot be read.
        """
        kept = self._read()
        self._expect(name, kept)
        fields = dict(kept[name])
        sealed = str(fields.pop("api_key", ""))
        key = self._vault.open(sealed, f"the API key of connection {name!r}")
        return Connection(name=name, api_key=key, **fields)

    def choose(self, name: str | None = None) -> Connection:
        """Answers the connection of that name; without a name, the only one there is.

        Raises:
            ConnectionSetupError: It cannot be chosen.
        """
        if name is not None:
            return self.get(name)
        names = sorted(self._read())
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
            kept[connection.name] = fields
            self._write(kept)

    def delete(self, name: str) -> None:
        """Forgets a connection and its key.

        Raises:
            ConnectionSetupError: There is none of that name.
        """
        with locked(self._path):
            kept = self._read()
            self._expect(name, kept)
            del kept[name]
            self._write(kept)

    def _expect(self, name: str, kept: dict[str, Any]) -> None:
        if not kept:
            raise ConnectionSetupError(f"no connection is kept in {self._path}; save one first")
        if name not in kept:
            raise ConnectionSetupError(unknown_name("connection", name, kept))

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


def verify_now(connection: Connection, settings: Settings | None = None) -> None:
    """Asks the account, by a harmless call, whether it accepts a connection.

    It may be called where an event loop runs, and blocks it.

    Raises:
        UnauthorizedError: The account does not accept the key.
        ConnectionSetupError: The connection leads to no account or integration.
        UnreachableError: The account did not answer.
    """
    from segconnect.transport import Limits

    async def ask() -> None:
        transport = connection.transport(settings, Limits(attempts=3))  # a person is waiting
        try:
            await transport.verify(connection.address)
        finally:
            await transport.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, ask()).result()
