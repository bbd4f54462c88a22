"""What can be set from outside: arguments, then SEGCONNECT_* variables, then segconnect.toml."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from segconnect.errors import UsageError
from segconnect.types import zone_named

HOSTED_URL = "https://import.segmetrics.io/api"

_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")


def _read_hosts(value: Any) -> Any:
    """Reads hosts with commas between, or JSON."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                value = json.loads(text)
            except ValueError:
                value = None  # an IPv6 address in its brackets
        if not isinstance(value, list):
            value = text.split(",")
    if not isinstance(value, (list, tuple)):
        raise ValueError("expected hosts with commas between, or a list of them")
    hosts = [str(each).strip().lower() for each in value]
    return [_read_host(each) for each in hosts if each]


def _read_host(text: str) -> str:
    """Reads a host, or host:port; an IPv6 address gets its brackets."""
    try:
        return f"[{ipaddress.IPv6Address(text)}]"
    except ValueError:
        pass
    match = _HOST.fullmatch(text)
    if match is None or int(match[1] or 1) not in range(1, 65536):
        raise ValueError(f"{text!r} is not a host, or host:port; leave out scheme and path")
    return text


def _read_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#@]+/?", text):
        raise ValueError(f"{text!r} is not an address such as https://seg.example.com")
    return text.rstrip("/")


def _read_zone(name: str) -> str:
    return zone_named(name).key


Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Settings(BaseSettings):
    """The settings of one process. A path may begin with ~."""

    model_config = SettingsConfigDict(
        env_prefix="SEGCONNECT_", toml_file="segconnect.toml", extra="ignore", frozen=True
    )

    data: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("segconnect", appauthor=False)),
        description="The directory of the embedded store, connections and key file; without it,"
        " the user's data directory.",
    )
    database: SecretStr | None = Field(
        default=None, description="A PostgreSQL URL; without one, the embedded SQLite store."
    )
    host: str = Field(default="127.0.0.1", description="The address that the server listens on.")
    url: Annotated[str, AfterValidator(_read_url)] | None = Field(
        default=None,
        description="The address that people and webhooks come by, such as https://seg.example.com,"
        " where that is another one: a proxy stands before the server.",
    )
    port: int = Field(default=8350, ge=0, le=65535, description="The port that it listens on.")
    secret_key: SecretStr | None = Field(
        default=None, description="The key of stored secrets; without one, a key file in data."
    )
    connect_timeout: Seconds | None = Field(
        default=None, description="Seconds that a connection to an account may take to be made."
    )
    read_timeout: Seconds | None = Field(
        default=None, description="Seconds that an account may be silent while it answers."
    )
    timeout: Seconds | None = Field(
        default=None, description="Seconds that one attempt to send a request may take in all."
    )
    attempts: int | None = Field(
        default=None, ge=1, le=100, description="How often a request is tried, in all."
    )
    rate: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="The most requests a second; without it, as many as the account takes.",
    )
    in_flight: int | None = Field(
        default=None,
        ge=1,
        le=1_000,
        description="The most requests to one account that are under way at once.",
    )
    timezone: Annotated[str, AfterValidator(_read_zone)] = Field(
        default="UTC",
        description="The zone of dates without one, such as Europe/Oslo; a scenario has its own.",
    )
    geoip: Path | None = Field(
        default=None,
        description="A GeoIP file (MMDB, with cities) that tells where visitors are; without it,"
        " that is not known. It needs segconnect[geoip].",
    )
    allowed_hosts: Annotated[list[str], NoDecode, BeforeValidator(_read_hosts)] = Field(
        default=[],
        description="Hosts, or host:port, that HTTP modules may reach though they are private.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Orders the sources; .env files and secret directories are not read."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the record store, with its password."""
        return self.url_of("segconnect.db")

    def url_of(self, file: str) -> str:
        """Answers the URL of what lies in a SQLite file of its own, or else in PostgreSQL."""
        if self.database is None:
            return f"sqlite:///{self.data.expanduser() / file}"
        url = self.database.get_secret_value()
        for scheme in ("postgresql://", "postgres://"):
            if url.startswith(scheme):
                return "postgresql+psycopg://" + url.removeprefix(scheme)
        return url

    @property
    def local_url(self) -> str:
        """The API root of our own account, for connections whose base URL is `local`.

        A server that listens on every address of the machine is reached over loopback.
        """
        try:
            address = ipaddress.ip_address(self.host.strip("[]"))
        except ValueError:
            host = self.host
        else:
            if address.is_unspecified:
                address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
            host = str(address) if address.version == 4 else f"[{address}]"
        return f"http://{host}:{self.port}/api"


def load(**given: object) -> Settings:
    """Reads the settings; what is given as None is left to the other sources.

    Raises:
        UsageError: A setting cannot be read; the message names it, and not its value.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"settings: {told}") from None
