"""The texts and values of queries: what is bound, and what comes back as a number."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from segconnect.account.metrics import Number


@dataclass
class Parameters:
    """Values that a query is given, in the order in which its text has them."""

    values: list[object] = field(default_factory=list)

    def bind(self, value: object) -> str:
        """Keeps a value, and answers what stands for it in the text until `finish`."""
        self.values.append(value)
        return f"\x01{len(self.values) - 1}\x01"

    def finish(self, text: str) -> tuple[str, list[object]]:
        """Answers the text with a ? for each value, and the values in the order of the text."""
        used = [self.values[int(each)] for each in _TOKEN.findall(text)]
        return _TOKEN.sub("?", text), used


_TOKEN = re.compile("\x01(\\d+)\x01")


def whole(figure: Any) -> Number:
    """Answers what SQL answers as an int where it is whole, and 0 where nothing was summed."""
    if figure is None:
        return 0
    if isinstance(figure, int):
        return figure
    exact = float(figure)
    nearest = round(exact)
    return nearest if abs(exact - nearest) < 1e-9 else exact


def pointer(name: str) -> str:
    """Where a JSON object has a field of this name: a JSON pointer, for names hold anything."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def custom_field(path: str) -> str:
    """Reads a contact's own field out of the JSON that they are kept in."""
    return f"json_extract_string(d.custom_fields, {path})"
