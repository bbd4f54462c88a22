"""Makes what an operation took and gave fit to be shown: short, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

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

_NESTED = 8


class Masker:
    """Shortens values and hides secrets: of known names, and known ones wherever they stand."""

    def __init__(self, limits: Limits, secrets: Iterable[str] = ()) -> None:
        self._limits = limits
        known = sorted({each for each in secrets if len(each) >= 6}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

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
        most = self._limits.trace_text
        cut = text[: most + 200]  # so that a secret at the edge is known as one
        if "://" in cut or "=" in cut:
            cut = _QUERY.sub(rf"\1{HIDDEN}", _USER_INFO.sub(HIDDEN, cut))
        if self._known is not None:
            cut = self._known.sub(HIDDEN, cut)
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
            shown[str(key)] = HIDDEN if is_secret and not is_kept else self.shown(item, depth + 1)
        return shown


def secrets_of(connections: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Answers every text of the connections that must not be shown.

    A name of its own, such as pin, may be a secret as well: all is one but what is known not to be.
    """
    return [
        str(value)
        for connection in connections.values()
        for name, value in connection.items()
        if isinstance(value, (str, int)) and not isinstance(value, bool) and name not in _PLAIN
    ]
