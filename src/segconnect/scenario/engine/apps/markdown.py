"""Markdown: to HTML."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from segconnect.mapping.values import to_boolean, to_text
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.registry import Bundle, Call, Parameters, Values, module, option

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

LONGEST = 500_000  # characters


@cache
def _reader(is_github: bool, is_sanitized: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt  # seldom used

    reader = MarkdownIt("commonmark", {"html": not is_sanitized})
    return reader.enable(["table", "strikethrough"]) if is_github else reader


@module("markdown:Compile", versions=(1, 2))
def compile_markdown(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes HTML of Markdown."""
    text = to_text(values.get("data"))
    if len(text) > LONGEST:
        raise ModuleError("DataError", f"the Markdown is longer than {LONGEST:,} characters")
    is_github = to_boolean(option(parameters, values, "gfm"))
    is_sanitized = to_boolean(option(parameters, values, "sanitize"))
    return {"data": _reader(is_github, is_sanitized).render(text)}
