"""A template takes bounded time and memory, whatever it and the bundles are."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from segconnect.errors import MappingError
from segconnect.mapping import evaluate
from segconnect.mapping.regex import machine, regex
from segconnect.mapping.values import UnusableError

BIG = "x" * 4_000_000
SHARED: Any = ["x"]
for _ in range(60):
    SHARED = [SHARED, SHARED]
DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]
BUNDLES = {
    1: {
        "big": BIG,
        "many": list(range(90_000)),
        "shared": SHARED,
        "deep": DEEP,
        "digits": "9" * 390,
        "huge": 10**100_000,
        "spaces": " " * 50_000 + "x",
        "opens": "<" * 200_000,
        "aaa": "a" * 30_000,
    }
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(machine, "MAX_STEPS", machine.MAX_STEPS // 10)
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(60)  # far beyond what any machine needs for what is bounded
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _give_up(_signal: int, _frame: object) -> None:
    raise AssertionError("it does not end")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{1.big}}{{1.big}}", "the text would be longer than 5,000,000 characters"),
        ("{{1.big}}" * 20, "the text would be longer"),
        ("{{1.big + 1.big}}", "the text would be longer"),
        ('{{replace(1.big; "x"; "yy")}}', "the text would be longer"),
        ('{{replace(1.big; "/x/g"; "yyyyyyyyyyyyyyyyyyyyyyyyy")}}', "the text would be longer"),
        ('{{replace(1.big; "/x/"; "$&$`$\'$&$`$\'")}}', "the text would be longer|takes too long"),
        ("{{join(1.many; 1.big)}}", "the text would be longer"),
        ('{{split(1.big; "")}}', "the array would have more than 100,000 items"),
        ('{{split(1.big; "x")}}', "the array would have more than"),
        ("{{merge(1.many; 1.many)}}", "the array would have more than"),
        ("{{flatten(1.shared; 99)}}", "the array would have more than"),
        ("{{1.shared}}!", "the text would be longer"),
        ("{{toString(1.shared)}}", "the text would be longer"),
        ("{{1.shared = 1.many}}", "the text would be longer"),
        ("{{1.deep}}!", "nested too deeply"),
        ("{{deduplicate(add(emptyarray; 1.deep))}}", "nested too deeply"),
        ("{{encodeURL(replace(1.big; \"x\"; \"é\"))}}", "the text would be longer"),
        ("{{base64(1.big)}}", "the text would be longer"),
        ("{{1.digits * 1.digits}}", "the number is too large"),
        ("{{1.digits * 100000000000}}", "the number is too large"),
        ("{{formatNumber(1.huge)}}", "the number is too large"),
        ("{{trunc(1.huge)}}", "the number is too large"),
        ("{{1.huge * 1.huge}}", "the number is too large"),
        ("{{1.huge}}!", "too many digits"),
        ("{{formatNumber(1; 2; 1.big)}}", "a separator is too long"),
        ("{{formatDate(now; 1.big)}}", "the format is longer than 1000"),
        ('{{parseDate(1.big; "YYYY")}}', "too long"),
        ("{{get(1.many; 1.big)}}", "the path is too long"),
        ("{{set(null; 1.big; 1)}}", "the path is too long"),
        ('{{replace("a"; "/" + 1.aaa + "/"; "b")}}', "longer than 5000 characters"),
        ("{{" + "(" * 5000 + "1" + ")" * 5000 + "}}", None),
        ("{{" + "-" * 5000 + "1" + "}}", "nested more than 60 levels deep"),
        ("{{" + "lower(" * 200 + "1" + ")" * 200 + "}}", "nested more than 60 levels deep"),
        ("{{1" + ".a" * 5000 + "}}", "the path has more than 60 steps"),
        ("{{1.a" + "[1]" * 5000 + "}}", "the path has more than 60 steps"),
        ("{{" + "9" * 5000 + ".a}}", "no module has a number so long"),
        ("{{`" + "9" * 5000 + "`}}", "no module has a number so long"),
        ("{{" + "1+" * 9000 + "1}}", None),
        ("{{" + "1+" * 20000 + "1}}", "the expression is longer than 20,000 characters"),
        ("{{1.a}}" * 100_000, "the template is longer than 500,000 characters"),
        ('{{replace(1.spaces; "/\\s+$/"; "")}}', "takes too long"),
        ('{{replace(1.aaa; "/(a*)*b/"; "")}}', "takes too long"),
        ('{{replace(1.aaa; "/a*a*a*a*b/"; "")}}', "takes too long"),
        ('{{replace(1.aaa; "/(?:a+)+b/"; "")}}', "takes too long"),
        ('{{replace(1.aaa; "/(a|b|ab)*c/"; "")}}', "takes too long"),
        ('{{replace(1.aaa; "/(?=(a+)+b)x/"; "")}}', "takes too long|"),
        ('{{replace(1.aaa; "/(.*)(.*)(.*)x\\1\\2/"; "")}}', "takes too long"),
        ('{{replace("a"; "/((a{0,1000}){0,1000}){0,1000}b/"; "")}}', "takes too long|"),
        ('{{replace(1.aaa; "/(?<=a*a*b)x/"; "")}}', "takes too long|"),
        ("{{stripHTML(1.opens)}}", None),
        ("{{sort(1.many)}}", None),
        ("{{sum(1.many)}}", None),
        ("{{stdevP(1.many)}}", None),
        ("{{remove(1.many; 5)}}", None),
        ("{{arrayDiff(1.many; 1.many)}}", None),
        ('{{indexOf(1.big; "y")}}', None),
        ("{{replaceEmojiCharacters(1.big)}}", None),
        ("{{startcase(1.big)}}", None),
        ("{{parseNumber(1.big)}}", "is not a number"),
        ("{{round(1.big)}}", "is not a number"),
        ("{{setMonth(now; 1.big)}}", "is no month"),
        ("{{formatDate(now; \"YYYY\"; 1.big)}}", None),
        ("{{formatDate(1.big; \"YYYY\")}}", "is not a supported date"),
        ("{{trunc(1.digits; 999999999999)}}", None),
    ],
)  # fmt: skip
def test_it_ends(template: str, reason: str | None) -> None:
    if reason is None:
        evaluate(template, BUNDLES)
        return
    try:
        evaluate(template, BUNDLES)
    except MappingError as error:
        assert any(part in str(error) for part in reason.split("|"))  # noqa: PT017
    else:
        assert reason.endswith("|"), "there is no error"


@pytest.mark.parametrize("flags", ["", "i", "iu"])
def test_a_large_pattern_is_compiled_in_time(flags: str) -> None:
    for pattern in ("[^a]" * 1200, "\\S\\W" * 200, "[Ā-￿]" * 50, "\\p{L}" * 800):
        with contextlib.suppress(UnusableError):
            regex(pattern, flags).search("some text")
