"""Who may come in: users with passwords, sessions, invitations; and what they did."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from enum import StrEnum
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy import Engine, delete, func, insert, select, update

from segconnect import database
from segconnect.database import Migrations
from segconnect.errors import UnfitError, UsageError
from segconnect.scenario.moments import now
from segconnect.settings import Settings
from segconnect.web.schema import audit, invitations, sessions, users

MIGRATIONS = Migrations("segconnect.web:migrations", "0003", "web_version")
SESSION = 30 * 86_400_000  # milliseconds
INVITATION = 7 * 86_400_000
LEAST_PASSWORD = 10  # characters
TOO_SHORT = f"shorter than {LEAST_PASSWORD} characters"
TRIES = 8  # of signing in, within the time below, by one address or for one email
TRIES_SECONDS = 300.0
MOST_KNOWN = 10_000  # addresses whose tries are remembered


class TooManyTriesError(UsageError):
    """Somebody guesses passwords."""

    def __init__(self) -> None:
        super().__init__("Too many tries; wait five minutes.")


class Role(StrEnum):
    """What a user may do; each may do what those after it may."""

    OWNER = "owner"  # also users, keys and integrations
    EDITOR = "editor"  # also change and run scenarios, and contacts
    VIEWER = "viewer"

    def may(self, needed: Role) -> bool:
        """Whether it includes another one."""
        order = list(Role)
        return order.index(self) <= order.index(needed)


class User(NamedTuple):
    """Who is signed in."""

    id: str | None
    email: str
    name: str
    role: Role


FIRST = User(None, "", "Owner", Role.OWNER)
"""Who comes by the address that the server printed."""


def url_of(settings: Settings) -> str:
    """Answers where users are kept."""
    return settings.url_of("web.db")


class Users:
    """The users of a data directory, or of a PostgreSQL database.

    Raises:
        StoreError: It cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = database.open_engine(url, MIGRATIONS)
        self._tries: dict[str, deque[float]] = {}

    def any(self) -> bool:
        """Whether there is a user yet."""
        with self.engine.connect() as connection:
            return bool(connection.scalar(select(func.count()).select_from(users)))

    def all(self) -> list[Any]:
        """Answers all users, by email."""
        query = select(users.c.id, users.c.email, users.c.name, users.c.role, users.c.created_at)
        with self.engine.connect() as connection:
            return list(connection.execute(query.order_by(users.c.email)))

    def add(self, email: str, name: str, password: str, role: Role) -> User:
        """Adds a user.

        Raises:
            UnfitError: Something is wrong with what was given; all of it is told.
        """
        email = email.strip().lower()
        problems = {}
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
            problems["email"] = f"{email!r} is not an email address"
        if len(password) < LEAST_PASSWORD:
            problems["password"] = TOO_SHORT
        if problems:
            raise UnfitError(**problems)
        user = User(secrets.token_hex(8), email, name.strip() or email.partition("@")[0], role)
        values = {
            **user._asdict(),
            "password": _hashed(password),
            "role": role.value,
            "created_at": now(),
        }
        with self.engine.begin() as connection:
            if connection.execute(select(users.c.id).where(users.c.email == email)).first():
                raise UnfitError(email=f"there is a user {email} already")
            connection.execute(insert(users), values)
        return user

    def change_password(self, id_: str, old: str, new: str, keep: str) -> None:
        """Gives a user another password, and ends all of their sessions but one.

        Args:
            id_: The user.
            old: The password until now.
            new: The one from now on.
            keep: The token of the session in which it is done.

        Raises:
            UnfitError: The old one is another, or the new one is too short.
        """
        with self.engine.connect() as connection:
            known = connection.scalar(select(users.c.password).where(users.c.id == id_))
        problems = {}
        if known is None or not _is_password(known, old):
            problems["old"] = "that is not the password until now"
        if len(new) < LEAST_PASSWORD:
            problems["password"] = TOO_SHORT
        if problems:
            raise UnfitError(**problems)
        others = (sessions.c.user_id == id_) & (sessions.c.hash != _hash(keep))
        with self.engine.begin() as connection:
            changed = update(users).where(users.c.id == id_)
            connection.execute(changed.values(password=_hashed(new)))
            connection.execute(delete(sessions).where(others))

    def change_role(self, id_: str, role: Role) -> None:
        """Gives a user another role.

        Raises:
            UsageError: Nobody would be left who may.
        """
        self._keep_an_owner(id_, role)
        with self.engine.begin() as connection:
            connection.execute(update(users).where(users.c.id == id_).values(role=role.value))

    def remove(self, id_: str) -> None:
        """Removes a user, and ends their sessions.

        Raises:
            UsageError: Nobody would be left who may.
        """
        self._keep_an_owner(id_, None)
        with self.engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.user_id == id_))
            connection.execute(delete(users).where(users.c.id == id_))

    def held(self, id_: str) -> dict[str, Any]:
        """Answers all that there is of a user, with the hash of the password.

        Raises:
            UsageError: There is none.
        """
        with self.engine.connect() as connection:
            found = connection.execute(select(users).where(users.c.id == id_)).first()
        if found is None:
            raise UsageError("there is no such user any more")
        return dict(found._mapping)

    def give_back(self, held: Mapping[str, Any]) -> None:
        """Makes a user again of what `held` answered; they sign in anew.

        Raises:
            UsageError: There is another one with this email by now.
        """
        with self.engine.begin() as connection:
            taken = select(users.c.id).where(users.c.email == held["email"])
            if connection.execute(taken).first():
                raise UsageError(f"there is a user {held['email']} already")
            connection.execute(insert(users), dict(held))

    def _keep_an_owner(self, id_: str, role: Role | None) -> None:
        owners = [each.id for each in self.all() if each.role == Role.OWNER]
        if owners == [id_] and role is not Role.OWNER:
            raise UsageError("an account has one owner at least")

    # signing in

    def sign_in(self, email: str, password: str, address: str) -> str | None:
        """Answers the token of a new session; None: email and password do not go together.

        Raises:
            TooManyTriesError: There were too many.
        """
        email = email.strip().lower()
        for key in (address, email):
            self._count_try(key)
        with self.engine.connect() as connection:
            found = connection.execute(select(users).where(users.c.email == email)).first()
        # Of somebody who is not known a hash is checked, too: it takes as long to say so.
        known = found.password if found is not None else _hashed(secrets.token_hex(8))
        if not _is_password(known, password) or found is None:
            return None
        self._tries.pop(email, None)
        return self.begin_session(found.id)

    def _count_try(self, key: str) -> None:
        moment = monotonic()
        if len(self._tries) > MOST_KNOWN:
            self._tries.clear()
        tries = self._tries.setdefault(key, deque(maxlen=TRIES))
        if len(tries) == TRIES and moment - tries[0] < TRIES_SECONDS:
            raise TooManyTriesError
        tries.append(moment)

    def begin_session(self, user_id: str | None) -> str:
        """Begins a session, and answers the token for its cookie."""
        token = secrets.token_urlsafe(32)
        values = {
            "hash": _hash(token),
            "user_id": user_id,
            "created_at": now(),
            "expires_at": now() + SESSION,
        }
        with self.engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at < now()))
            connection.execute(insert(sessions), values)
        return token

    def user_of(self, token: str) -> User | None:
        """Answers whose session a token is."""
        query = (
            select(sessions.c.user_id, users.c.email, users.c.name, users.c.role)
            .select_from(sessions.outerjoin(users, users.c.id == sessions.c.user_id))
            .where(sessions.c.hash == _hash(token), sessions.c.expires_at > now())
        )
        with self.engine.connect() as connection:
            found = connection.execute(query).first()
        if found is None:
            return None
        if found.user_id is None:
            return FIRST
        return User(found.user_id, found.email, found.name, Role(found.role))

    def end_session(self, token: str, *, everywhere: bool = False) -> None:
        """Ends a session, or all of its user."""
        mine = sessions.c.hash == _hash(token)
        with self.engine.begin() as connection:
            if everywhere:
                user = connection.scalar(select(sessions.c.user_id).where(mine))
                mine = sessions.c.user_id.is_not_distinct_from(user)
            connection.execute(delete(sessions).where(mine))

    # invitations

    def invite(self, email: str, role: Role) -> str:
        """Answers the token of a link by which somebody can become a user."""
        token = secrets.token_urlsafe(24)
        values = {
            "hash": _hash(token),
            "email": email.strip().lower(),
            "role": role.value,
            "expires_at": now() + INVITATION,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(invitations), values)
        return token

    def invitation(self, token: str) -> Any | None:
        """Answers who was invited by a link; None: it is not good any more."""
        good = (invitations.c.hash == _hash(token)) & (invitations.c.expires_at > now())
        with self.engine.connect() as connection:
            return connection.execute(select(invitations).where(good)).first()

    def invited(self) -> list[Any]:
        """Answers the invitations that are good, by email."""
        query = select(invitations).where(invitations.c.expires_at > now())
        with self.engine.connect() as connection:
            return list(connection.execute(query.order_by(invitations.c.email)))

    def withdraw(self, hash_: str) -> None:
        """Makes a link no good any more, named by its hash."""
        with self.engine.begin() as connection:
            connection.execute(delete(invitations).where(invitations.c.hash == hash_))

    def give_back_invitation(self, held: Mapping[str, Any]) -> None:
        """Makes a link good again that was withdrawn."""
        self.withdraw(held["hash"])
        with self.engine.begin() as connection:
            connection.execute(insert(invitations), dict(held))

    def accept(self, token: str, name: str, password: str) -> User:
        """Makes a user of who was invited; the link is good once.

        Raises:
            UsageError: It is not good.
            UnfitError: Something is wrong with what was given.
        """
        found = self.invitation(token)
        if found is None:
            raise UsageError("the link is not good any more; ask for a new one")
        user = self.add(found.email, name, password, Role(found.role))
        with self.engine.begin() as connection:
            connection.execute(delete(invitations).where(invitations.c.hash == _hash(token)))
        return user

    # the audit log

    def note(self, who: User, what: str) -> None:
        """Writes down what somebody did."""
        values = {"at": now(), "who": who.email or who.name, "what": what}
        with self.engine.begin() as connection:
            connection.execute(insert(audit), values)

    def log(self, most: int = 200) -> list[Any]:
        """Answers what was done, the latest first."""
        with self.engine.connect() as connection:
            return list(connection.execute(select(audit).order_by(audit.c.pk.desc()).limit(most)))

    def erase(self, names: Sequence[str]) -> None:
        """Takes the names of contacts and devices out of what was written down."""
        with self.engine.begin() as connection:
            for name in names:
                named = audit.c.what.contains(name, autoescape=True)
                for row in connection.execute(select(audit).where(named)).all():
                    pattern = rf"\b(contact|device) {re.escape(name)}(?![\w@.-])"
                    what = re.sub(pattern, r"\1 (erased)", row.what)
                    change = update(audit).where(audit.c.pk == row.pk)
                    connection.execute(change.values(what=what))

    def close(self) -> None:
        """Closes the database."""
        self.engine.dispose()


def _hashed(password: str) -> str:
    from argon2 import PasswordHasher  # loaded where somebody signs in

    return PasswordHasher().hash(password)


def _is_password(known: str, given: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher().verify(known, given)
    except (Argon2Error, InvalidHashError):
        return False


def csrf_of(token: str) -> str:
    """Answers what the forms of a session carry, to tell them from those of other sites."""
    return hmac.new(token.encode(), b"segconnect form", hashlib.sha256).hexdigest()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
