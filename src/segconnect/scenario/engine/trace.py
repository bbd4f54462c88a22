"""Makes what an operation took and gave fit to be shown: short, and without secrets."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from segconnect.errors import SegconnectError
from segconnect.scenario.engine.errors import ModuleError, delay_of
from segconnect.scenario.engine.settings import Limits

HIDDEN = "••••••"

_SECRET = re.compile(
    r"pass(word|wd|phrase)?$|^auth_?pass|secret|token|api[-_ ]?key|authorization|^auth$"
    r"|cookie|credential|private[-_ ]?key|^pwd$",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(?<=://)[^/?#\s@]+(?=@)")
_QUERY = re.compile(
    r"(?<=[?&])((?:[\w.-]*(?:token|secret|password|api[-_]?key|signature)|key|sig)=)[^&#\s]+",
    re.IGNORECASE,
)
_PLAIN = frozenset(
    (
        *("host", "server", "port", "tls", "security", "from", "user", "username", "login"),
        *("name", "parameterName", "header", "placement", "in", "scope", "scopes"),
        *("token_url", "tokenUrl", "tokenUri", "client_id", "clientId"),
    )
)
"""What credentials hold that is no secret, by the names that modules read."""

_USERS = ("user", "username", "login", "client_id", "clientId")
_SHORTEST = 4  # of what is hidden wherever it stands: what is shorter stands in other words, too
_NESTED = 8


class Masker:
    """Shortens values and hides secrets: of known names, and known ones wherever they stand."""

    def __init__(self, limits: Limits, secrets: Sequence[str], growing: Sequence[str] = ()) -> None:
        self._limits, self._secrets, self._growing = limits, secrets, growing
        self._count, self._longest = -1, 0
        self._pattern: re.Pattern[str] | None = None

    def _known(self) -> re.Pattern[str] | None:
        """What matches every secret, the longest first."""
        if self._count != len(self._growing):
            self._count = len(self._growing)
            found = {each for each in (*self._secrets, *self._growing) if len(each) >= _SHORTEST}
            known = sorted(found, key=len, reverse=True)
            self._longest = len(known[0]) if known else 0
            self._pattern = re.compile("|".join(map(re.escape, known))) if known else None
        return self._pattern

    def error(self, error: SegconnectError) -> SegconnectError:
        """Answers the error itself, or one like it if its words hold a secret."""
        known, text = self._known(), str(error)
        detail = error.detail if isinstance(error, ModuleError) else None
        if known is None or not known.search(f"{text} {error.why} {detail!r}"):
            return error
        masked = ModuleError(
            error.kind, known.sub(HIDDEN, text), detail=self.shown(detail), delay=delay_of(error)
        )
        masked.recovery, masked.is_absent = error.recovery, error.is_absent
        return masked

    def shown(self, value: Any, depth: int = 0) -> Any:
        """Answers the value as it may be kept."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return f"<{len(value)} bytes>"
        if isinstance(value, Mapping):
            if depth >= _NESTED:
                return "{…}"
            return self._collection(value, depth)
        if isinstance(value, (list, tuple)):
            if depth >= _NESTED:
                return "[…]"
            most = self._limits.trace_items
            items = [self.shown(item, depth + 1) for item in value[:most]]
            return [*items, f"… {len(value) - most} more"] if len(value) > most else items
        return value

    def text(self, text: str) -> str:
        """Answers a text as it may be kept."""
        known, most = self._known(), self._limits.trace_text
        cut = text[: most + max(200, self._longest)]  # so that a secret at the edge is known as one
        if "://" in cut or "=" in cut:
            cut = _QUERY.sub(rf"\1{HIDDEN}", _USER_INFO.sub(HIDDEN, cut))
        if known is not None:
            cut = known.sub(HIDDEN, cut)
        return cut if len(text) <= most else f"{cut[:most]}… {len(text) - most} more"

    def _collection(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        named = str(value.get("name") or value.get("key") or "")
        for position, (key, item) in enumerate(value.items()):
            if position >= self._limits.trace_items:
                shown["…"] = f"{len(value) - position} more"
                break
            is_secret = _SECRET.search(str(key)) or (key == "value" and _SECRET.search(named))
            is_kept = item is None or isinstance(item, bool) or item == ""
            name = self.text(str(key))
            shown[name] = HIDDEN if is_secret and not is_kept else self.shown(item, depth + 1)
        return shown


def secrets_of(connections: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Answers every text that must not be shown: of the connections, and as it is sent.

    A name of its own, such as pin, may be a secret as well: all is one but what is known not to be.
    """
    found = []
    for connection in connections.values():
        secrets = [
            str(value)
            for name, value in connection.items()
            if isinstance(value, (str, int)) and not isinstance(value, bool) and name not in _PLAIN
        ]
        users = [str(connection[name]) for name in _USERS if connection.get(name) is not None]
        for secret in secrets:
            found += [secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]]
            found += [b64encode(f"{user}:{secret}".encode()).decode() for user in users]
    return found
