"""Plain text of HTML that is whole, broken, or made to take long."""

from __future__ import annotations

import time

import pytest

from segconnect.scenario.engine.plain_text import PlainText


def text(html: str) -> str:
    return "\n".join(PlainText(uppercases=False).read(html)).strip()


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("a <b>bold</b> word", "a bold word"),
        ("1 &lt; 2 &amp; 3 < 4", "1 < 2 & 3 < 4"),
        ('<a href="https://example.com/?a=1&amp;b=2">here</a>!', "here [https://example.com/?a=1&b=2]!"),
        ("<a href='https://example.com'>https://example.com</a>", "https://example.com"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("one<br><br>two", "one\n\ntwo"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<!-- no -->yes<script>if (a < b) no()</script>", "yes"),
        ("<p title='a > b'>x", "x"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("yes<!-- not closed", "yes"),
        ("<p title='not closed>x", "x"),
        ("<img src='data:" + "A" * 50_000 + "'>seen", "seen"),
        ("", ""),
    ],
    ids=lambda value: value[:30],
)  # fmt: skip
def test_html_becomes_text(html: str, expected: str) -> None:
    assert text(html) == expected


@pytest.mark.parametrize(
    "piece",
    ["<!--", "<!", "<a ", "<", "<a b='", "<?", "<script>", "</", "&", "<br>", "<div>", "<b>a</b>"],
)
def test_no_html_takes_long(piece: str) -> None:
    began = time.monotonic()
    text(piece * 40_000)

    assert time.monotonic() - began < 5
