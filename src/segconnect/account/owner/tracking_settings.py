"""What the owner of an account decides about tracking."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from segconnect.account.channels import split
from segconnect.errors import UsageError, unknown_name
from segconnect.types import shown

NAME = "tracking"
"""Under which the settings of an account are kept."""

MAX_EMAILS = 3  # that a device may have before it is shared, unless the account says otherwise


def _listed(value: Any) -> Any:
    """Reads a list; of a text, what is between commas."""
    if isinstance(value, str):
        value = [each for each in value.split(",") if each.strip()]
    return [str(each).strip() for each in value] if isinstance(value, list) else value


def _host(text: str) -> str:
    host = split(text).host.removeprefix("www.")
    if not host or "." not in host or "/" in text.rpartition("://")[2].rstrip("/"):
        raise ValueError(f"{text!r} is not a host; expected one such as shop.example")
    return host


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValueError(
            f"{text!r} is not an address; expected one such as 192.0.2.7, or 192.0.2.0/24"
        ) from None


Listed = BeforeValidator(_listed)


class TrackingSettings(BaseModel):
    """The settings, and what each is where nothing was set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    capture_emails: bool = Field(
        False, description="Emails that are typed into forms of the site identify the visitor."
    )
    needs_consent: bool = Field(
        False,
        description="Nothing is kept or sent before the page says that the visitor agreed.",
    )
    respects_do_not_track: bool = Field(
        True, description="Visitors whose browser asks not to be tracked are not."
    )
    keeps_whole_ips: bool = Field(
        False, description="IP addresses are kept whole, and not without their last part."
    )
    excluded_ips: Annotated[list[Annotated[str, AfterValidator(_network)]], Listed] = Field(
        [], description="Addresses or networks of your own, whose views are not counted."
    )
    own_hosts: Annotated[list[Annotated[str, AfterValidator(_host)]], Listed] = Field(
        [], description="Hosts of yours: visits from one to another are direct, with one uid."
    )
    email_parameters: Annotated[list[str], Listed] = Field(
        [], description="Arguments of links in your mails that hold the reader's email."
    )
    contact_parameters: Annotated[list[str], Listed] = Field(
        [], description="Arguments of links in your mails that hold the reader's contact ID."
    )
    emails_per_device: int = Field(
        MAX_EMAILS, ge=1, le=100, description="A device with more emails is shared: nobody's."
    )
    tracking_domain: Annotated[str, AfterValidator(_host)] | None = Field(
        None, description="The host under which your pages load the script, if one of your own."
    )

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The excluded addresses, ready to be compared."""
        return _networks(tuple(self.excluded_ips))

    def changed(self, name: str, value: str) -> TrackingSettings:
        """The same settings with one of another value; an empty one is the default.

        Raises:
            UsageError: There is no such setting, or it cannot have this value.
        """
        fields = type(self).model_fields
        if name not in fields:
            raise UsageError(unknown_name("tracking setting", name, fields))
        given = self.model_dump(exclude_defaults=True)
        given.pop(name, None)
        try:
            return TrackingSettings.model_validate({**given, **({name: value} if value else {})})
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            message = str(problem["msg"]).removeprefix("Value error, ")
            found = "" if problem["type"] == "value_error" else f", found {shown(value)}"
            raise UsageError(f"{name}: {message}{found}") from None


@lru_cache(maxsize=1000)
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(map(ip_network, texts))


@lru_cache(maxsize=1000)
def read(text: str | None) -> TrackingSettings:
    """Reads settings as they were kept; None: nothing was set."""
    return TrackingSettings() if text is None else TrackingSettings.model_validate_json(text)
