"""Text parser: patterns, replace, HTML to text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from segconnect.mapping import UnusableError
from segconnect.mapping.regex import Regex, regex, replace_pattern
from segconnect.mapping.values import bounded, to_boolean, to_text
from segconnect.scenario.engine.errors import ModuleError, missing
from segconnect.scenario.engine.plain_text import PlainText
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Kind,
    Parameters,
    Values,
    module,
    option,
)


def _pattern(parameters: Parameters, values: Values) -> tuple[Regex, bool]:
    """The pattern, and whether all matches are wanted."""
    text = option(parameters, values, "pattern")
    if text is None:
        raise missing("pattern")

    def is_on(name: str, default: bool = False) -> bool:
        value = option(parameters, values, name)
        return default if value is None else to_boolean(value)

    is_global = is_on("global")
    flags = "g" if is_global else ""
    flags += "" if is_on("sensitive", default=True) else "i"
    flags += "m" if is_on("multiline") else ""
    flags += "s" if is_on("singleline") else ""
    try:
        return regex(to_text(text), flags), is_global
    except UnusableError as error:
        raise ModuleError("DataError", f"Invalid regular expression: {error}") from None


@module("regexp:Parser", "regexp:AdvancedParser", kind=Kind.SEARCH)
def match(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Finds what matches a pattern: groups as $1, $2 and by name, the whole as __IMTMATCH__."""
    pattern, is_global = _pattern(parameters, values)
    text = to_text(values.get("text"))
    try:
        for position, found in enumerate(pattern.finditer(text), 1):
            groups = {f"${n}": group for n, group in enumerate(found.groups(), 1)}
            yield {
                **{name: group for name, group in groups.items() if group is not None},
                **{name: group for name, group in found.named().items() if group is not None},
                "i": position,
                "__IMTMATCH__": found.group(),
            }
            if not is_global:
                return
    except UnusableError as error:
        raise ModuleError("DataError", str(error)) from None


@module("regexp:Replace")
def replace(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Replaces what matches a pattern."""
    pattern, _ = _pattern(parameters, values)
    text, value = to_text(values.get("text")), to_text(values.get("value"))
    try:
        return {"text": replace_pattern(pattern, text, value)}
    except UnusableError as error:
        raise ModuleError("DataError", str(error)) from None


@module("regexp:HTMLToText")
def html_to_text(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes plain text of HTML."""
    html: Any = values.get("html")
    uppercases = to_boolean(option(parameters, values, "uppercaseHeadings"))
    lines = PlainText(uppercases=uppercases).read(bounded(to_text(html)))
    newline = "\r\n" if option(parameters, values, "newline") in ("crlf", "\r\n") else "\n"
    return {"text": newline.join(lines).strip()}


@module("regexp:GetElementsFromText", kind=Kind.SEARCH)
def elements(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Finds e-mail addresses, URLs, numbers or dates in a text."""
    kind = str(
        option(parameters, values, "elementsType", option(parameters, values, "type", "url"))
    )
    pattern = ELEMENTS.get(kind)
    if pattern is None:
        raise ModuleError("InvalidConfigurationError", f"there is no kind of element {kind!r}")
    for position, found in enumerate(regex(pattern, "gi").finditer(to_text(values.get("text"))), 1):
        yield {"match": found.group(), "i": position}


ELEMENTS = {
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "url": r"https?://[^\s<>\"']+",
    "number": r"-?\d+(?:\.\d+)?",
}
