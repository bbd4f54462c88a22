"""Accounts, their integrations and their API keys: who may do what to whose data."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, select, update

from segconnect.account.store.schema import accounts, api_keys, integrations
from segconnect.clock import now
from segconnect.errors import UsageError, unknown_name
from segconnect.types import zone_named

KEY_LENGTH = 22  # characters, as the hosted keys have; 131 bits of chance
KEY_ALPHABET = string.ascii_letters + string.digits
GRACES = {0: "at once", 3_600: "in an hour", 86_400: "in a day", 604_800: "in a week"}
"""When the old one of a key that is renewed may stop, by seconds."""
FRESH_SECONDS = 1.0  # how long a key that was just looked up is taken as still good


class Kind(StrEnum):
    """What an integration is for. It tells people; every kind takes every call."""

    CRM = "crm"
    PAYMENTS = "payments"
    ADS = "ads"


class Access(NamedTuple):
    """What a request may touch."""

    account_pk: int
    account_id: str
    integration_pk: int | None  # None: no such integration, or none was named
    currency: str
    key_pk: int  # the key that opened it


def create_account(
    engine: Engine, name: str, currency: str = "USD", timezone: str = "UTC"
) -> tuple[str, str]:
    """Creates an account.

    Returns:
        Its account ID and its first API key, which is shown only now: the store keeps a hash.

    Raises:
        UsageError: The name is empty, or there is no such currency or time zone.
    """
    if not name.strip():
        raise UsageError("the account's name is empty; give one")
    if not re.fullmatch("[A-Za-z]{3}", currency):
        raise UsageError(f"{currency!r} is not a currency; give three letters, such as EUR")
    try:
        timezone = zone_named(timezone).key
    except ValueError as error:
        raise UsageError(str(error)) from None
    account_id = _new_id("a")
    with engine.begin() as connection:
        connection.execute(
            accounts.insert().values(
                account_id=account_id,
                name=name.strip(),
                currency=currency.upper(),
                timezone=timezone,
                created_at=_seconds(),
            )
        )
    return account_id, create_key(engine, account_id)


def create_key(engine: Engine, account_id: str) -> str:
    """Creates one more API key, and answers it: the store keeps only its hash."""
    key = "".join(secrets.choice(KEY_ALPHABET) for _ in range(KEY_LENGTH))
    with engine.begin() as connection:
        connection.execute(
            api_keys.insert().values(
                account_pk=account_pk(engine, account_id),
                key_hash=_hash(key),
                hint=key[-4:],
                created_at=_seconds(),
            )
        )
    return key


def revoke_key(engine: Engine, account_id: str, key: str, grace: int = 0) -> int:
    """Revokes an API key, named whole or by its last four characters.

    Args:
        engine: The store.
        account_id: The account.
        key: The key.
        grace: For how many seconds it stays good.

    Returns:
        How many keys are still good.

    Raises:
        UsageError: The account has no such key, or several end like this.
    """
    owner = account_pk(engine, account_id)
    good = (api_keys.c.account_pk == owner) & _is_good()
    wanted = api_keys.c.hint == key if len(key) == 4 else api_keys.c.key_hash == _hash(key)
    with engine.begin() as connection:
        found = connection.scalars(select(api_keys.c.pk).where(good, wanted)).all()
        if len(found) != 1:
            raise UsageError(
                "no key of this account ends like this"
                if not found
                else "several keys end so; give the whole key"
            )
        connection.execute(
            update(api_keys).where(api_keys.c.pk == found[0]).values(revoked_at=_seconds() + grace)
        )
        return len(connection.scalars(select(api_keys.c.pk).where(good)).all())


def renew_key(engine: Engine, account_id: str, key: str, grace: int = 0) -> str:
    """Makes a key in the place of another one, and answers it; it is good at once.

    Args:
        engine: The store.
        account_id: The account.
        key: The old one, whole or by its last four characters.
        grace: For how many seconds the old one stays good, as long as it is brought everywhere.

    Raises:
        UsageError: The account has no such key, or several end like this, or grace is not one of
            GRACES.
    """
    if grace not in GRACES:
        raise UsageError(
            f"the old key stops after {', '.join(map(str, GRACES))} seconds, found {grace}"
        )
    revoke_key(engine, account_id, key, grace)
    return create_key(engine, account_id)


def create_integration(engine: Engine, account_id: str, kind: str, name: str) -> str:
    """Creates an integration, and answers its integration ID.

    Raises:
        UsageError: There is no such account or kind, or the name is empty.
    """
    if kind not in list(Kind):
        raise UsageError(unknown_name("kind of integration", kind, list(Kind)))
    if not name.strip():
        raise UsageError("the integration's name is empty; give one")
    integration_id = _new_id("i")
    with engine.begin() as connection:
        connection.execute(
            integrations.insert().values(
                account_pk=account_pk(engine, account_id),
                integration_id=integration_id,
                kind=kind,
                name=name.strip(),
                created_at=_seconds(),
            )
        )
    return integration_id


def account_pk(engine: Engine, account_id: str) -> int:
    """Finds an account by its ID.

    Raises:
        UsageError: There is none.
    """
    with engine.connect() as connection:
        pk: int | None = connection.scalar(
            select(accounts.c.pk).where(accounts.c.account_id == account_id)
        )
    if pk is None:
        raise UsageError(
            f"there is no account {account_id!r} in this store; see segconnect account list"
        )
    return pk


def id_of(connection: Connection, account_pk: int) -> str:
    """Answers the id of an account that is there."""
    query = select(accounts.c.account_id).where(accounts.c.pk == account_pk)
    return str(connection.scalars(query).one())


def list_accounts(engine: Engine) -> Sequence[dict[str, Any]]:
    """Answers each account with its integrations, in the order of their creation."""
    with engine.connect() as connection:
        found = [dict(row._mapping) for row in connection.execute(
            select(accounts).order_by(accounts.c.pk)
        )]  # fmt: skip
        for account in found:
            rows = connection.execute(
                select(integrations)
                .where(integrations.c.account_pk == account.pop("pk"))
                .order_by(integrations.c.pk)
            )
            account["integrations"] = [
                {"integration_id": row.integration_id, "kind": row.kind, "name": row.name}
                for row in rows
            ]
    return found


class Doorkeeper:
    """Tells what a request's key opens. Keys that are good are remembered for a second."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._known: dict[tuple[bytes, str, str], tuple[float, Access]] = {}

    def remembered(self, authorization: bytes, account_id: str, integration: str) -> Access | None:
        """Answers what is known without asking the store; None: ask `look_up`."""
        known = self._known.get((authorization, account_id, integration))
        return known[1] if known is not None and known[0] > monotonic() else None

    def look_up(self, authorization: bytes, account_id: str, integration: str) -> Access | None:
        """Asks the store. None: the key is wrong, or it is not this account's; do not say which.

        Args:
            authorization: The header: the bare key, or after `Basic` or `Bearer`.
            account_id: The account in the path; "" takes the key's own.
            integration: The integration in the path; "" names none.
        """
        if not integration.isprintable():
            integration = ""
        key = authorization.decode("latin-1").strip()
        scheme, _, rest = key.partition(" ")
        if scheme.lower() in ("basic", "bearer"):
            key = rest.strip()
        wanted = (
            select(
                accounts.c.pk,
                accounts.c.account_id,
                accounts.c.currency,
                integrations.c.pk,
                api_keys.c.pk,
            )
            .join(api_keys, api_keys.c.account_pk == accounts.c.pk)
            .join(
                integrations,
                (integrations.c.account_pk == accounts.c.pk)
                & (integrations.c.integration_id == integration),
                isouter=True,
            )
            .where(api_keys.c.key_hash == _hash(key), _is_good())
        )
        with self.engine.connect() as connection:
            row = connection.execute(wanted).first()
        if row is None or account_id not in ("", row[1]):
            return None
        access = Access(row[0], row[1], row[3], row[2], row[4])
        if integration and row[3] is None:
            return access  # not remembered: there is no end of names that do not exist
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[authorization, account_id, integration] = (
            monotonic() + FRESH_SECONDS,
            access,
        )
        return access


def _is_good() -> ColumnElement[bool]:
    """That a key is not revoked, or not yet."""
    return api_keys.c.revoked_at.is_(None) | (api_keys.c.revoked_at > _seconds())


def _new_id(prefix: str) -> str:
    alphabet = string.ascii_lowercase + string.digits
    return prefix + "".join(secrets.choice(alphabet) for _ in range(10))


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()  # a key is long chance: it needs no slow hash


def _seconds() -> int:
    return int(now().timestamp())
