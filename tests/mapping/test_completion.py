"""What is suggested while a template is typed."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.mapping import installed_functions
from segconnect.mapping.completion import call_at, completions, similar

BUNDLES: Any = {
    "1": {"email": "a", "emails": [{"work": 1}], "First Name": "b", "address": {"city": 1}},
    "12": ["x"],
}
FUNCTIONS = installed_functions()


@pytest.mark.parametrize(
    ("typed", "finished"),
    [
        ("{{low", ["{{lower("]),
        ("Hi {{1.x}} and {{low", ["Hi {{1.x}} and {{lower("]),
        ('{{if(1.a = "it\'s"; upp', ['{{if(1.a = "it\'s"; upper(']),
        ("{{emptys", ["{{emptystring"]),
        ("{{time", ["{{timestamp"]),
        ("{{1", ["{{1.", "{{12."]),
        ("{{1.em", ["{{1.email", "{{1.emails"]),
        ("{{1.F", ["{{1.`First Name`"]),
        ("{{1.`Fi", ["{{1.`First Name`"]),
        ("{{lower(1.address.", ["{{lower(1.address.city"]),
        ("{{1.emails[1].", ["{{1.emails[1].work"]),
        ("{{1.emails.", []),
        ("{{12.", []),
        ("{{7.", []),
        ("low", []),
        ("{{1.x}} low", []),
        ('{{replace(1.email; "low', []),
        ("{{lower(1.email", ["{{lower(1.email", "{{lower(1.emails"]),
        ("{{nothinglikeit", []),
    ],
)
def test_a_word_becomes_what_fits(typed: str, finished: list[str]) -> None:
    found = completions(typed, FUNCTIONS, BUNDLES)

    assert [typed[: found.start] + word for word in found.words] == finished


@pytest.mark.parametrize(
    ("typed", "call"),
    [
        ("{{replace(", ("replace", 0)),
        ("{{replace(1.a; ", ("replace", 1)),
        ('{{replace(1.a; ";;)"; "', ("replace", 2)),
        ("{{replace(lower(1.a); ", ("replace", 1)),
        ("{{replace(lower(1.a", ("lower", 0)),
        ("{{lower((1.a + 1.b[", ("lower", 0)),
        ("{{lower(1.a)", None),
        ("{{nothing(", None),
        ("lower(", None),
        ("{{lower(1.a)}} and (", None),
    ],
)
def test_the_innermost_open_call_is_known(typed: str, call: tuple[str, int] | None) -> None:
    found = call_at(typed, FUNCTIONS)

    assert (found and (found[0].name, found[1])) == call


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1.emial", "1.email"),
        ("1.`Frist Name`", "1.`First Name`"),
        ("1.address.ctiy", "1.address.city"),
        ("emptystrng", "emptystring"),
        ("1.email", "1.email"),
        ("1.quite_another", None),
        ("1 + 1", None),
    ],
)
def test_a_path_that_leads_nowhere_is_guessed(typed: str, meant: str | None) -> None:
    assert similar(typed, FUNCTIONS, BUNDLES) == meant
