"""Plain text of HTML, in a time that grows with its length alone, however broken it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "dd", "div", "dl", "dt", "fieldset"),
        *("figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"),
        *("hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"),
    )
)
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
PARAGRAPHS = HEADINGS | {"p", "table", "ul", "ol", "blockquote"}
UNSEEN = frozenset(("script", "style", "head", "title", "template", "noscript"))

_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_STOP = re.compile(r"[>\"']")
_HREF = re.compile(r"\shref\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))", re.IGNORECASE)


def tokens(html: str) -> Iterator[tuple[str, str]]:
    """Gives texts as ("", text), and tags as (name, whole tag); "/name" where one ends."""
    place, length = 0, len(html)
    while place < length:
        start = html.find("<", place)
        if start != place:
            yield "", unescape(html[place : start if start >= 0 else length])
            if start < 0:
                return
        named = _NAME.match(html, start)
        if html.startswith(("<!", "<?"), start):
            closing = "-->" if html.startswith("<!--", start) else ">"
            end = html.find(closing, start)
            if end < 0:
                return  # what is not closed is not seen
            place = end + len(closing)
        elif named is None:
            yield "", "<"
            place = start + 1
        else:
            end = _tag_end(html, named.end())
            name = named.group(1).lower()
            yield ("/" if html[start + 1] == "/" else "") + name, html[start:end]
            place = end
            if name in ("script", "style") and html[start + 1] != "/":
                closing_tag = re.compile(f"</{name}", re.IGNORECASE).search(html, place)
                if closing_tag is None:
                    return
                place = closing_tag.start()


def _tag_end(html: str, place: int) -> int:
    """Finds where a tag ends; a quote that nothing closes is looked for once in a text."""
    while (stop := _STOP.search(html, place)) is not None:
        if stop.group() == ">":
            return stop.end()
        closing = html.find(stop.group(), stop.end())
        place = stop.end() if closing < 0 else closing + 1
    return len(html)


class PlainText:
    """Collects the lines of a text.

    Args:
        uppercases: Whether headings are written in capitals.
    """

    def __init__(self, *, uppercases: bool) -> None:
        self._uppercases = uppercases
        self._lines: list[str] = []
        self._pieces: list[str] = []  # of the last line
        self._breaks = 0  # line breaks that are due before the next text
        self._has_text = False
        self._unseen = self._heading = self._verbatim = 0
        self._links: list[str] = []

    def read(self, html: str) -> list[str]:
        """Answers the lines of an HTML document."""
        for name, content in tokens(html):
            if not name:
                self._text(content)
            elif name.startswith("/"):
                self._close(name[1:])
            else:
                self._open(name, content)
        self._end_line()
        return self._lines

    def _open(self, tag: str, whole: str) -> None:
        if tag in UNSEEN:
            self._unseen += 1
        if tag == "br":
            self._flush()
            self._end_line()
        elif tag in BLOCKS:
            self._break(2 if tag in PARAGRAPHS else 1)
        if tag == "li":
            self._add(" * ")
        elif tag in ("td", "th") and self._pieces and not self._breaks:
            self._add(" ")
        elif tag in HEADINGS:
            self._heading += 1
        elif tag == "pre":
            self._verbatim += 1
        elif tag == "a":
            found = _HREF.search(whole)
            self._links.append(unescape(next(filter(None, found.groups()), "")) if found else "")

    def _close(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        if tag in BLOCKS:
            self._break(2 if tag in PARAGRAPHS else 1)
        if tag in HEADINGS:
            self._heading = max(0, self._heading - 1)
        elif tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)
        elif tag == "a" and self._links:
            link = self._links.pop()
            is_shown = self._pieces[-1:] == [link]
            if link.startswith(("http://", "https://")) and not is_shown and not self._unseen:
                self._add(f" [{link}]")

    def _text(self, text: str) -> None:
        if self._unseen:
            return
        if self._verbatim:
            for position, line in enumerate(text.split("\n")):
                if position:
                    self._flush()
                    self._end_line()
                self._add(line)
            return
        words = " ".join(text.split())
        is_open = bool(self._pieces) and not self._breaks and not self._pieces[-1].endswith(" ")
        if text[:1].isspace() and is_open:
            self._pieces.append(" ")
        if words:
            self._add(words.upper() if self._heading and self._uppercases else words)
            if text[-1].isspace():
                self._pieces.append(" ")

    def _add(self, text: str) -> None:
        self._flush()
        if text:
            self._pieces.append(text)
            self._has_text = True

    def _flush(self) -> None:
        for _ in range(self._breaks):
            self._end_line()
        self._breaks = 0

    def _end_line(self) -> None:
        self._lines.append("".join(self._pieces).rstrip())
        self._pieces = []

    def _break(self, count: int) -> None:
        if self._has_text:
            self._breaks = max(self._breaks, count)
