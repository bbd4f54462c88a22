"""Credentials for other services than SegMetrics: one declaration for each service.

A declaration is the form, the check of what was given, the options of the command line and the
reference at once; a field that is a SecretStr is asked for hidden. Its names are those that the
modules of scenarios read.

>>> read("http-basic", {"user": "joey", "password": "tea"})
{'user': 'joey', 'password': 'tea'}
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    PrivateAttr,
    SecretStr,
    ValidationError,
)

from segconnect.errors import (
    ConnectionSetupError,
    UnauthorizedError,
    UnreachableError,
    unknown_name,
)
from segconnect.modules import base
from segconnect.modules.base import Collection, Option
from segconnect.modules.schema import Input, form
from segconnect.modules.values import Port, Text
from segconnect.transport.http import is_loopback

VERIFY_SECONDS = 10  # a person is waiting
MAX_VALUES = 100  # of free keys and values
MAX_LENGTH = 100_000  # characters of a value, which may be a certificate

required = partial(base.required, mappable=False, source="segconnect")
optional = partial(base.optional, mappable=False, source="segconnect")


def _read_line(value: str) -> str:
    text = value.strip()
    if not text:
        raise ValueError("is empty")
    if not text.isprintable():
        raise ValueError("holds a line break, or a character that cannot be printed")
    return text


def _read_secret(value: Any) -> SecretStr:
    """Never says what was given."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        raise ValueError("is not a text")  # pydantic wants a ValueError
    if not text:
        raise ValueError("is empty")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH:,} characters")
    if set(text) & set("\r\n\0"):
        raise ValueError("holds a line break or a NUL character")
    return SecretStr(text)


def _read_host(value: str) -> str:
    if not re.fullmatch(r"[^\s/@?#\[\]\\]+", value) or (":" in value and value.count(":") < 2):
        raise ValueError(f"{value!r} is not a host name; leave out scheme, port and path")
    return value


def _read_token_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise ValueError("is not a URL such as https://auth.example.com/token")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("is not encrypted, and the secret would be readable on the way; use https")
    return value


Line = Annotated[Text, AfterValidator(_read_line)]
Host = Annotated[Line, AfterValidator(_read_host)]
TokenUrl = Annotated[Line, AfterValidator(_read_token_url)]
Secret = Annotated[SecretStr, BeforeValidator(_read_secret)]


class Encryption(Option):
    """How the way to a mail server is encrypted."""

    STARTTLS = "starttls", "STARTTLS"
    SSL = "ssl", "SSL/TLS"
    NONE = "none", "None"


class Placement(Option):
    """Where an API key stands in a request."""

    HEADER = "header", "Header"
    QUERY = "query", "Query"


class Service(Collection):
    """Credentials for one kind of service.

    Raises:
        ConnectionSetupError: The values do not fit; every problem is told at once, by label.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    service: ClassVar[str]  # its name on the command line and in the store
    label: ClassVar[str]
    together: ClassVar[tuple[tuple[str, ...], ...]] = ()  # of each group, all or none
    is_verified: ClassVar[bool] = False  # whether a sign-in tells that they are right

    def __init__(self, /, **values: Any) -> None:
        facts = self.facts()
        own = {field.wire: name for name, field in facts.items()}
        values = {own.get(n, n): value for n, value in values.items() if value not in (None, "")}
        problems = self.missing(values)
        for group in self.together:
            if any(name in values for name in group):
                lacking = [name for name in group if name not in values]
                problems += [f"{facts[name].label}: missing" for name in lacking]
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems = [self._problem(e) for e in error.errors(include_input=False)] + problems
        else:
            problems += self.check()
        if problems:
            raise ConnectionSetupError(f"{self.label}: {'; '.join(problems)}")

    @classmethod
    def help(cls) -> str:
        """Answers the one line that says what the service is."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    @classmethod
    def secrets(cls) -> list[str]:
        """Answers the names of the fields that are never shown."""
        return [field.name for field in form(cls) if field.input is Input.SECRET]

    @classmethod
    def asked(cls, given: set[str]) -> list[str]:
        """Answers the secrets that what was given cannot do without, and that are not given."""
        needed = {name for name, field in cls.model_fields.items() if field.is_required()}
        needed |= {name for group in cls.together if given & {*group} for name in group}
        return [name for name in cls.secrets() if name in needed - given]

    def check(self) -> list[str]:
        """Answers what is wrong between fields that are each well by themselves."""
        return []

    def plain(self) -> dict[str, Any]:
        """Answers the values that modules read, secrets among them; what is not given is not."""
        found: dict[str, Any] = {}
        for name, field in self.facts().items():
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            if value is not None:
                found[field.wire or name] = str(value.value) if isinstance(value, Option) else value
        return found

    @classmethod
    def _problem(cls, error: Any) -> str:
        """Says one of pydantic's errors in the words of the form, and never the value."""
        facts, name = cls.facts(), str(error["loc"][0])
        if error["type"] == "extra_forbidden":
            return unknown_name("field", name, facts)
        words = _WORDS.get(error["type"])
        if words is None:  # one of ours, which may show what was given, braces and all
            what = str(error["msg"]).removeprefix("Value error, ")
        else:
            what = words.format(**error.get("ctx", {}))
        return f"{facts[name].label}: {what}"


_WORDS = {
    "missing": "missing",
    "string_type": "is not a text",
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
    "enum": "is none of {expected}",
}


class _MailServer(Service):
    """A mail server and the sign-in to it."""

    together = (("user", "password"),)
    is_verified = True

    host: Host = required("Host", "The server's name, such as mail.example.com.")
    port: Port | None = optional("Port", "Without it, the usual one of the encryption.")
    user: Line | None = optional("User name", "Often the e-mail address.")
    password: Secret | None = optional("Password", "Often one that was made for this app.")
    tls: Encryption | None = optional(
        "Encryption", "Without it, STARTTLS for SMTP and SSL/TLS for IMAP."
    )

    usual: ClassVar[Encryption]
    ports: ClassVar[Mapping[Encryption, int]]

    def check(self) -> list[str]:
        """Refuses to send a password where others could read it."""
        if self.tls is Encryption.NONE and self.password and not is_loopback(self.host):
            return ["Encryption: without one, the password would be readable on the way"]
        return []

    def plain(self) -> dict[str, Any]:
        """Answers the values, with the port and the encryption that were left out."""
        tls = self.tls or self.usual
        return {**super().plain(), "port": self.port or self.ports[tls], "tls": str(tls.value)}


class Smtp(_MailServer):
    """The server that e-mail is sent through."""

    service = "smtp"
    label = "SMTP"
    usual = Encryption.STARTTLS
    ports: ClassVar[Mapping[Encryption, int]] = {
        Encryption.STARTTLS: 587,
        Encryption.SSL: 465,
        Encryption.NONE: 25,
    }

    sender: Line | None = optional(
        "From", "Whom e-mail is from, if the module does not say; else the user.", wire="from"
    )


class Imap(_MailServer):
    """The server that e-mail is watched on."""

    service = "imap"
    label = "IMAP"
    usual = Encryption.SSL
    ports: ClassVar[Mapping[Encryption, int]] = {
        Encryption.STARTTLS: 143,
        Encryption.SSL: 993,
        Encryption.NONE: 143,
    }

    user: Line = required("User name", "Often the e-mail address.")
    password: Secret = required("Password", "Often one that was made for this app.")


class HttpBasic(Service):
    """A user name and password for HTTP requests (basic authentication)."""

    service = "http-basic"
    label = "HTTP basic auth"

    user: Line = required("User name", "Whom the server knows.")
    password: Secret = required("Password", "The user's.")

    def check(self) -> list[str]:
        """Refuses what the server would split in another place."""
        return ["User name: holds a colon"] if ":" in self.user else []


class ApiKey(Service):
    """A key that HTTP requests carry in a header or in the query."""

    service = "api-key"
    label = "API key"

    key: Secret = required("Key", "What is sent; in front of it whatever the service wants.")
    name: Line | None = optional(
        "Header or parameter", "The name that it goes by; without it Authorization."
    )
    placement: Placement | None = optional("Placement", "Without it, the header.")

    def check(self) -> list[str]:
        """Refuses a header that could not be sent."""
        if self.placement is not Placement.QUERY:
            if not re.fullmatch(r"[!#$%&'*+.^`|~\w-]+", self.name or "Authorization", re.ASCII):
                return ["Header or parameter: is not the name of a header"]
            if not self.key.get_secret_value().isascii():
                return ["Key: holds a letter that no header can carry"]
        return []


class OAuth2(Service):
    """Client credentials (OAuth 2), which a run trades for an access token; or the token itself."""

    service = "oauth2"
    label = "OAuth 2"
    one_of = (("token_url", "access_token"),)
    together = (("token_url", "client_id", "client_secret"),)

    token_url: TokenUrl | None = optional("Token URL", "Where the access token is asked for.")
    client_id: Line | None = optional("Client ID", "The one that the service gave this app.")
    client_secret: Secret | None = optional("Client secret", "The one that belongs to it.")
    scope: Line | None = optional("Scope", "What the token is for; several with blanks between.")
    access_token: Secret | None = optional(
        "Access token", "Used as it is, in the place of client credentials."
    )


class Values(Service):
    """Any keys and values that a module reads, all of them secret."""

    service = "values"
    label = "Keys and values"

    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    def __init__(self, /, **values: Any) -> None:
        problems = [] if values else ["give at least one key and its value"]
        if len(values) > MAX_VALUES:
            problems.append(f"gives more than {MAX_VALUES} keys")
        for key, value in values.items():
            if not key.strip() or not key.isprintable() or len(key) > 100:
                problems.append("a key is empty, too long or cannot be printed")
            elif not isinstance(value, (str, int, float, bool)):
                problems.append(f"{key}: is not a text, number or truth")
            elif len(str(value)) > MAX_LENGTH:
                problems.append(f"{key}: is longer than {MAX_LENGTH:,} characters")
        if problems:
            raise ConnectionSetupError(f"{self.label}: {'; '.join(problems)}")
        super().__init__()
        self._given = dict(values)

    def plain(self) -> dict[str, Any]:
        """Answers what was given."""
        return dict(self._given)


SERVICES: dict[str, type[Service]] = {
    each.service: each for each in (Smtp, Imap, HttpBasic, ApiKey, OAuth2, Values)
}
"""Every service by name, in the order of the reference."""


def service_of(name: str) -> type[Service]:
    """Finds a service by its name.

    Raises:
        ConnectionSetupError: There is none of that name.
    """
    try:
        return SERVICES[name.strip().lower()]
    except KeyError:
        raise ConnectionSetupError(unknown_name("service", name, SERVICES)) from None


def read(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Checks the values given for a service, and answers those that its modules read.

    Raises:
        ConnectionSetupError: There is no such service, or the values do not fit; every problem is
            told at once, and no secret.
    """
    return service_of(name)(**values).plain()


# -- verifying -----------------------------------------------------------------------------------


def verify(name: str, service_name: str, values: Mapping[str, Any]) -> bool:
    """Signs in to the server of credentials, and leaves again; blocks for some seconds at most.

    Args:
        name: The connection's, for messages.
        service_name: What it is for.
        values: As `read` answers them.

    Returns:
        Whether there was anybody to ask; without a server of their own, credentials are not asked.

    Raises:
        UnauthorizedError: The server refuses the sign-in.
        UnreachableError: It cannot be reached, or does not speak what was expected.
        ConnectionSetupError: The sign-in cannot be written in ASCII.
    """
    if not service_of(service_name).is_verified:
        return False
    host, port, who = values["host"], values["port"], f"connection {name!r}"
    try:
        (_ask_smtp if service_name == Smtp.service else _ask_imap)(values)
    except _SignInError:
        raise UnauthorizedError(
            f"{who}: {host} refuses the sign-in; check User name and Password"
        ) from None
    except UnicodeError:  # whose message would show a letter
        raise ConnectionSetupError(
            f"{who}: User name or Password holds a letter beyond ASCII, which no sign-in to {host}"
            " can carry"
        ) from None
    except (OSError, EOFError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        secret = str(values.get("password") or "\0")
        reason = " ".join(reason.replace(secret, "[password]").split())[:200]
        raise UnreachableError(
            f"{who}: cannot sign in to {host}, port {port} ({reason}); check Host, Port and"
            " Encryption",
            may_have_arrived=False,
        ) from None
    return True


class _SignInError(Exception):
    """The server refuses user name and password."""


def _ask_smtp(values: Mapping[str, Any]) -> None:
    import smtplib
    import ssl

    host, port, tls = values["host"], values["port"], values["tls"]
    server: smtplib.SMTP
    try:
        if tls == "ssl":
            context = ssl.create_default_context()
            server = smtplib.SMTP_SSL(host, port, timeout=VERIFY_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=VERIFY_SECONDS)
        with server:
            if tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if "user" in values:
                server.login(values["user"], values["password"])
            else:
                server.noop()
    except smtplib.SMTPAuthenticationError:
        raise _SignInError from None
    except smtplib.SMTPException as error:
        raise ValueError(str(error)) from None


def _ask_imap(values: Mapping[str, Any]) -> None:
    import imaplib
    import ssl

    host, port, tls = values["host"], values["port"], values["tls"]
    try:
        if tls == "ssl":
            context = ssl.create_default_context()
            server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                host, port, ssl_context=context, timeout=VERIFY_SECONDS
            )
        else:
            server = imaplib.IMAP4(host, port, timeout=VERIFY_SECONDS)
        with server:
            if tls == "starttls":
                server.starttls(ssl.create_default_context())
            try:
                server.login(values["user"], values["password"])
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error:
                raise _SignInError from None
    except imaplib.IMAP4.error as error:
        raise ValueError(str(error)) from None
