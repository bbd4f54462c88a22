"""Links by which a report is seen without signing in: one report each, for some days.

The question is kept with the link, and whoever comes by it can ask no other one. Of its token, the
hash is kept: what is in the database opens nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from time import monotonic
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update

from segconnect.account.reports import saved
from segconnect.account.reports.plan import Query
from segconnect.errors import UsageError
from segconnect.scenario.moments import now
from segconnect.web.schema import shares

DAYS = (1, 7, 30, 90)  # for which a link can be good
DAY = 86_400_000  # milliseconds
MOST = 200  # links that are good at a time
FRESH_SECONDS = 30.0  # for which an answer is shown again: anybody may load the page
MOST_FRESH = 50


class Shares:
    """The links of a data directory, or of a PostgreSQL database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._fresh: dict[str, tuple[float, Any]] = {}
        self.one_at_a_time = asyncio.Lock()  # so that a link that gets about leaves room to others

    def share(self, account_id: str, name: str, query: Query, days: int, who: str) -> str:
        """Shares a report, which must be one that can be planned; answers the link's token.

        Raises:
            UsageError: It cannot be good for so long, or there are too many.
        """
        if days not in DAYS:
            raise UsageError(f"a link is good for {', '.join(map(str, DAYS))} days, not for {days}")
        token = secrets.token_urlsafe(32)
        moment = now()
        values = {
            "id": secrets.token_hex(8),
            "hash": _hash(token),
            "account_id": account_id,
            "name": name,
            "question": saved.to_text(name, query),
            "shared_by": who,
            "created_at": moment,
            "expires_at": moment + days * DAY,
        }
        with self._engine.begin() as connection:
            connection.execute(delete(shares).where(shares.c.expires_at <= moment))
            if len(connection.execute(select(shares.c.id)).all()) >= MOST:
                raise UsageError(f"{MOST} links are good already; revoke one first")
            connection.execute(insert(shares), values)
        return token

    def find(self, token: str) -> Any | None:
        """Answers what a link shows; None: it is not good, or not any more."""
        good = (shares.c.hash == _hash(token)) & (shares.c.expires_at > now())
        with self._engine.connect() as connection:
            return connection.execute(select(shares).where(good)).first()

    def of(self, account_id: str) -> list[Any]:
        """Answers the links of an account that are good, the latest first."""
        good = (shares.c.account_id == account_id) & (shares.c.expires_at > now())
        query = select(shares).where(good).order_by(shares.c.created_at.desc(), shares.c.id)
        with self._engine.connect() as connection:
            return list(connection.execute(query))

    def revoke(self, account_id: str, id_: str) -> str:
        """Ends a link at once; answers its name.

        Raises:
            UsageError: There is none.
        """
        asked = (shares.c.account_id == account_id) & (shares.c.id == id_)
        with self._engine.begin() as connection:
            name = connection.scalar(select(shares.c.name).where(asked))
            connection.execute(delete(shares).where(asked))
        if name is None:
            raise UsageError("there is no such link; it may have ended")
        return str(name)

    def fresh(self, id_: str) -> Any | None:
        """Answers what was shown by a link a moment ago."""
        at, shown = self._fresh.get(id_, (-FRESH_SECONDS, None))
        return shown if monotonic() - at < FRESH_SECONDS else None

    def opened(self, id_: str, shown: Any) -> None:
        """Remembers what is shown by a link, and that somebody looked."""
        if len(self._fresh) >= MOST_FRESH:
            self._fresh.clear()
        self._fresh[id_] = monotonic(), shown
        with self._engine.begin() as connection:
            asked = update(shares).where(shares.c.id == id_)
            connection.execute(asked.values(opened_at=now()))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
