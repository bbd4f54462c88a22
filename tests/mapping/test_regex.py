"""Regular expressions: the quick matcher and the one that counts its steps find the same."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segconnect.mapping.regex import Regex, pattern_of, regex
from segconnect.mapping.regex.machine import Machine, Meter
from segconnect.mapping.regex.python import SAFE_STEPS, is_deterministic, worst_steps
from segconnect.mapping.regex.syntax import parse
from segconnect.mapping.values import UnusableError

ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\w", r"\s", r"\d", r"\b", "^", "$", "A", "é", r"[\s\S]", "ab"]
)
QUANTIFIERS = st.sampled_from(
    ["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?"]
)


def patterns() -> st.SearchStrategy[str]:
    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        group = st.sampled_from(["(?:{})", "({})", "(?={})", "(?!{})"])
        return st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map("|".join),
            st.tuples(group, inner, QUANTIFIERS).map(
                lambda each: each[0].format(each[1]) + each[2]
            ),
        )

    simple = st.tuples(ATOMS, QUANTIFIERS).map(
        lambda each: each[0] + ("" if each[0] in ("^", "$", r"\b") else each[1])
    )
    return st.recursive(simple, larger, max_leaves=6)


TEXTS = st.text(alphabet="abA1 é\n", max_size=12)


@settings(max_examples=200, deadline=None)
@given(patterns(), TEXTS, st.sampled_from(["", "i", "m", "s", "im"]))
def test_both_matchers_find_the_same(pattern: str, text: str, flags: str) -> None:
    expression = Regex(pattern, flags)
    if expression._quick is None or worst_steps(expression._node, len(text)) > SAFE_STEPS:
        return
    machine = Machine(expression._node, expression.groups, flags)
    quick = expression._quick.search(text)
    slow = machine.search(text, 0, Meter())

    assert (quick and list(quick.regs)) == (
        slow and [(slow[at], slow[at + 1]) for at in range(0, 2 * expression.groups + 2, 2)]
    )


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=r"ab()[]{}|*+?.\^$-,:=!<>019dwsbBkpPu/ ", max_size=14), TEXTS)
def test_any_pattern_is_matched_or_refused(pattern: str, text: str) -> None:
    for flags in ("g", "giu"):
        with contextlib.suppress(UnusableError):
            list(regex(pattern, flags).finditer(text))


@pytest.mark.parametrize(
    ("pattern", "flags", "is_one"),
    [
        ("<[^>]+>", "", True),
        (r"(\w+), (\w+)", "", True),
        (r"\d{4}-\d\d-\d\d", "", True),
        (r"(?:\d+,)*\d+;", "", False),
        (r"(?:,\d+)*;", "", True),
        ("(a+)+b", "", False),
        ("(?:a+)+b", "", False),
        ("(?:a+b)+c", "", True),
        ("(?:a*b?)*c", "", False),
        ("(?:a|b)*c", "", True),
        ("(?:a|ab)*c", "", False),
        (".*x", "", False),
        ("a*A", "", True),
        ("a*A", "i", False),
        ("ſ*s", "iu", False),
        ("ſ*s", "i", True),
        (r"\s+$", "", True),
    ],
)
def test_a_pattern_is_deterministic_where_each_character_says_the_way(
    pattern: str, flags: str, is_one: bool
) -> None:
    assert is_deterministic(parse(pattern, flags).node) is is_one


def test_named_groups_are_found() -> None:
    found = regex(r"(?<year>\d{4})-(?<month>\d\d)").search("on 2016-12-28")

    assert found is not None
    assert (found.start, found.end, found.group()) == (3, 10, "2016-12")
    assert found.named() == {"year": "2016", "month": "12"}
    assert found.groups() == ["2016", "12"]


def test_a_group_that_took_no_part_is_none() -> None:
    found = regex("(a)|(b)").search("b")

    assert found is not None
    assert found.groups() == [None, "b"]


def test_a_group_is_forgotten_when_the_loop_around_it_goes_on_without_it() -> None:
    found = regex("(?:(a)|(b))*").search("ab")

    assert found is not None
    assert found.groups() == [None, "b"]


def test_a_reference_to_a_group_without_a_match_is_empty() -> None:
    assert regex(r"^(?:(a)|b)\1c").search("bc") is not None


def test_it_looks_back_over_any_length() -> None:
    assert [each.group() for each in regex(r"(?<=\$\d+\.)\d+", "g").finditer("$12.34 5.6")] == [
        "34"
    ]


@pytest.mark.parametrize(
    ("search", "is_pattern"),
    [
        ("/a/", True),
        ("/a/gi", True),
        ("/a", False),
        ("a/", False),
        ("//", False),
        ("/a/xyz", False),
    ],
)
def test_a_search_between_slashes_is_a_pattern(search: str, is_pattern: bool) -> None:
    assert (pattern_of(search) is not None) is is_pattern
