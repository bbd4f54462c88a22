"""Looks for templates and bundles that break the mapping language, as long as it is told to.

    python -m tests.mapping.fuzz SECONDS [SEED]

Templates are made at random after the grammar, and of the lines of cases/ by changing them. Each
gives a value of a known type and a bounded size, or a MappingError with a place in the template,
within a few seconds; anything else is printed, with what it takes to have it again, and the exit
code is 1.
"""

from __future__ import annotations

import random
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from segconnect.errors import MappingError
from segconnect.mapping import compile_value, evaluate, registry, syntax
from segconnect.mapping.compiler import KEYWORDS, VARIABLES
from segconnect.mapping.context import Context
from segconnect.mapping.moments import WRITTEN
from segconnect.mapping.values import MAX_ITEMS, MAX_TEXT, Special, UnusableError, to_json, to_text
from tests.mapping.test_cases import CASES, read_cases

MOST_SECONDS = 6.0  # of CPU time, for one template: a million steps of a regular expression
MOST_MEMORY = 3 << 30  # bytes of the process
NOW = datetime(2016, 12, 28, 12, 56, 44, 356000, tzinfo=UTC)
EDGES = [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)]  # noqa: DTZ001
ZONES = ["UTC", "Europe/Prague", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe"]
KEYS = ["a", "b", "c", "key", "value", "First Name", "0", "x.y", "__IMTINDEX__", ""]
FUNCTIONS = list(registry.built_in().values())
OPERATORS = ["+", "-", "*", "/", "%", "mod ", "=", "==", "===", "!=", "!==", "<", ">", "<=", ">="]
OPERATORS += ["&", "&&", "and ", "|", "||", "or "]
TEXTS = [
    *("", " ", "a", "abc", "Ann Bloggs", "5", "12.50", "-3", "1e9", "1 756,456", "true", "false"),
    *("2016-12-28", "28/12/2016 13:00", "2016-06-20T17:26:44.356Z", "1482929804", "20.6.2016"),
    *("asc", "desc", "asc ci", "a.b", "a[2].b", "a[-1]", "`x y`", "[", "..", ",", ";", "/", "//"),
    *("hex", "base64", "binary", "latin1", "Europe/Prague", "Nowhere/Land", "$1", "$&$'$`", "$$"),
    *(
        "é",
        "👋🏽",
        "\ud800",
        "\0",
        "\n",
        "ß",
        "İ",
        "ﬁ",
        "٣",
        "<b>x</b>",
        '{"a": 1}',
        "%41%zz",
        "{{1.a}}",
    ),
    *(
        "/a+/g",
        "/(a*)*b/",
        "/[^a-z]+/gi",
        "/(?<n>a)/",
        "/(/",
        "/\\d{2,}/g",
        "/(?<=a)b/",
        "/\\1(a)/",
    ),
    *(
        "/^\\s+|\\s+$/g",
        "/(a|ab)(c|bcd)*$/m",
        "/./gsu",
        "/\\p{L}/gu",
        "/(?:a{0,9}){0,9}b/y",
        "/$^/g",
    ),
    *("january", "Mon", "monday", "NaN", "Infinity", "0x10", "9" * 390, "9" * 5000, "x" * 3000),
]
NUMBERS = ["0", "1", "2", "-1", "0.5", "1.5", "12.75", "100", "1000000", "99999999999999999999"]
NUMBERS += ["0.0000000000000000000001", "9" * 400, "1234567890123456789.123456789"]


class Maker:
    """Makes templates and bundles."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seeds = [
            (case.template, case.world.bundles)
            for path in sorted(CASES.glob("*.txt"))
            for _, case in read_cases(path)
        ]

    def template(self) -> str:
        """A template: made after the grammar, or a changed one."""
        pick = self.random.random()
        if pick < 0.45:
            return "{{" + self.expression(self.random.randint(1, 5)) + "}}"
        if pick < 0.6:
            parts = [
                self.text() if self.random.random() < 0.4 else "{{" + self.expression(2) + "}}"
                for _ in range(self.random.randint(2, 5))
            ]
            return "".join(parts)
        template = self.random.choice(self.seeds)[0]
        for _ in range(self.random.randint(1, 4)):
            template = self.changed(template)
        return template

    def expression(self, depth: int) -> str:
        """An expression with so many levels at most."""
        if depth <= 0 or self.random.random() < 0.15:
            return self.leaf()
        pick = self.random.random()
        if pick < 0.6:
            function = self.random.choice(FUNCTIONS)
            most = function.fewest + 3 if function.most is None else function.most
            count = self.random.randint(function.fewest, most)
            if self.random.random() < 0.03:
                count = self.random.randint(0, 6)
            arguments = [self.expression(depth - 1) for _ in range(count)]
            return f"{function.name}({'; '.join(arguments)})"
        if pick < 0.85:
            operands = [self.expression(depth - 1) for _ in range(self.random.randint(2, 4))]
            made = operands[0]
            for operand in operands[1:]:
                made += f" {self.random.choice(OPERATORS)}{operand}"
            return f"({made})" if self.random.random() < 0.5 else made
        if pick < 0.9:
            return f"-{self.expression(depth - 1)}"
        return f"({self.expression(depth - 1)}){self.steps()}"

    def leaf(self) -> str:
        """A literal, a word or a reference."""
        pick = self.random.random()
        if pick < 0.3:
            return f"{self.random.choice('123')}{self.steps(least=1)}"
        if pick < 0.4:
            return self.random.choice([*KEYWORDS, *VARIABLES, "unknown", "var.team.x", "`1`", "``"])
        if pick < 0.6:
            return self.random.choice(NUMBERS)
        if pick < 0.7:
            count = self.random.randint(1, 6)
            return (
                '"' + "".join(self.random.choices([*WRITTEN, "-", " ", "[T]", "/"], k=count)) + '"'
            )
        return '"' + self.text().replace('"', '""') + '"'

    def steps(self, least: int = 0) -> str:
        """Steps into a value."""
        made = ""
        for _ in range(self.random.randint(least, 3)):
            key = self.random.choice(KEYS)
            step = f".{key}" if key.isidentifier() else f".`{key}`"
            if made or not least:
                choices = ["[]", "[1]", "[-1]", "[2]", "[0]", "[1.a]", step, step]
                step = self.random.choice(choices)
            made += step
        return made

    def text(self) -> str:
        """A text that somebody may have thought of, or not."""
        if self.random.random() < 0.8:
            return self.random.choice(TEXTS)
        return "".join(chr(self.random.randrange(0x3000)) for _ in range(self.random.randrange(9)))

    def changed(self, template: str) -> str:
        """A template that is a little different."""
        at = self.random.randrange(len(template) + 1)
        other = self.random.choice(self.seeds)[0]
        to = min(len(template), at + self.random.randint(1, 6))
        match self.random.randrange(7):
            case 0:
                return template[:at] + template[to:]
            case 1:
                return template[:at] + template[at:to] * self.random.randint(2, 9) + template[to:]
            case 2:
                return (
                    template[:at] + self.random.choice("{}()[];`'\".+-*/%=<>&|,$ ") + template[at:]
                )
            case 3:
                return template[:at] + other[self.random.randrange(len(other) + 1) :]
            case 4:
                return template[:at] + self.leaf() + template[to:]
            case 5:
                return template.replace(
                    "}}", f" {self.random.choice(OPERATORS)}{self.leaf()}}}}}", 1
                )
            case _:
                return template[:at] + self.text() + template[to:]

    def bundles(self) -> dict[Any, Any]:
        """Bundles of a few modules, or those of a case."""
        if self.random.random() < 0.4:
            return dict(self.random.choice(self.seeds)[1])
        return {
            module: {key: self.value(3) for key in self.random.sample(KEYS, 5)}
            if self.random.random() < 0.9
            else self.value(2)
            for module in self.random.sample([1, 2, "3", "1"], 3)
        }

    def value(self, depth: int) -> Any:
        """A value that a module may have put out."""
        pick = self.random.randrange(13 if depth else 9)
        match pick:
            case 0:
                return self.random.choice([None, True, False, "", 0, -1, 1])
            case 1:
                return self.random.randint(-(10**6), 10**6)
            case 2:
                return self.random.choice(
                    [0.1, 12.5, -0.0, 1e300, 5e-324, float("nan"), float("inf")]
                )
            case 3:
                places = self.random.randint(0, 400)
                return Decimal(self.random.randint(-(10**9), 10**9)).scaleb(-places)
            case 4:
                return NOW + timedelta(seconds=self.random.randint(-(10**10), 10**10))
            case 5:
                return self.text().encode("utf-8", "replace")
            case 6:
                return self.random.choice([10**500, -(10**5000), "9" * 4000, *EDGES])
            case 7 | 8:
                return self.text()
            case 9 | 10:
                return [self.value(depth - 1) for _ in range(self.random.randrange(5))]
            case _:
                return {
                    self.random.choice(KEYS): self.value(depth - 1)
                    for _ in range(self.random.randrange(4))
                }


def check(template: str, bundles: Any, zone: str) -> None:
    """Evaluates a template, in all of the ways there are.

    Raises:
        AssertionError: It did not come to what it has to.
    """
    context = Context(bundles, NOW, zone)
    ways: list[Callable[[], Any]] = [
        lambda: evaluate(template, bundles, now=NOW, timezone=zone),
        lambda: compile_value({"a": [template]}, field="f")(context),
    ]
    for work in ways:
        try:
            value = work()
        except MappingError as error:
            check_error(error)
        else:
            check_value(value, bundles)


def check_constants(template: str, bundles: Any, zone: str) -> None:
    """What is the same for every bundle is prepared once: that must not change what comes out."""
    try:
        parts = list(syntax.split(template))
        if len(parts) != 1 or isinstance(parts[0], str):
            return
        _, expression = parts[0]
        literals = sorted(literals_of(syntax.parse(expression)), key=lambda each: -each.start)
    except MappingError:
        return
    if re.search("random|uuid|shuffle", template):
        return
    other = expression
    for number, each in enumerate(literals):
        other = f"{other[: each.start]} `99`.k{number} {other[each.end :]}"
    world = {**bundles, 99: {f"k{number}": each.value for number, each in enumerate(literals)}}
    ours, theirs = outcome(template, world, zone), outcome(f"{{{{{other}}}}}", world, zone)
    assert ours == theirs, f"{ours[:300]} and {theirs[:300]} by {other!r}"


def literals_of(node: Any) -> Iterator[syntax.Literal]:
    """All literals of an expression."""
    match node:
        case syntax.Literal():
            yield node
        case syntax.Access():
            for each in (node.base, *node.steps):
                yield from literals_of(each)
        case syntax.Call():
            for each in node.arguments:
                yield from literals_of(each)
        case syntax.Chain():
            for each in node.operands:
                yield from literals_of(each)
        case syntax.Negation():
            yield from literals_of(node.operand)


def outcome(template: str, bundles: Any, zone: str) -> str:
    """The value, type and all; or that there was an error."""
    try:
        value = evaluate(template, bundles, now=NOW, timezone=zone)
    except MappingError:
        return "MappingError"
    try:
        return repr(value)
    except ValueError:
        return "a number too long to be shown"


def check_error(error: MappingError) -> None:
    """An error has a place in its template and was foreseen."""
    assert str(error), "an error without words"
    assert not error.template or 0 <= error.start <= error.end <= len(error.template), "no place"
    cause = error.__cause__
    assert cause is None or isinstance(cause, (UnusableError, MappingError)), f"crash: {cause!r}"


def check_value(value: Any, bundles: Any) -> None:
    """A value has a known type and a bounded size, and can be made text or JSON, or not."""
    known = (str, int, float, Decimal, datetime, bytes, list, tuple, dict, Special)
    assert value is None or isinstance(value, known), f"a {type(value).__name__}"
    if isinstance(value, (str, bytes)):
        assert len(value) <= MAX_TEXT + 500_000, "too long a text"
    if isinstance(value, list):
        assert len(value) <= MAX_ITEMS, "too many items"
    for write in (to_text, to_json):
        with suppress(UnusableError):
            assert isinstance(write(value), str)


def in_time(work: Callable[[], None]) -> None:
    """Does something, and stops it when it takes too long."""

    def give_up(_signal: int, _frame: object) -> None:
        raise AssertionError("it takes too long")

    signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        work()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def main(seconds: float, seed: int) -> int:
    """Goes on for so many seconds; answers how many templates broke something."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    maker, end = Maker(seed), time.monotonic() + seconds
    count = broken = errors = 0
    slowest = (0.0, "")
    while time.monotonic() < end:
        template, bundles = maker.template(), maker.bundles()
        zone = maker.random.choice(ZONES)
        began = time.process_time()
        try:
            in_time(lambda: check(template, bundles, zone))  # noqa: B023
            in_time(lambda: check_constants(template, bundles, zone))  # noqa: B023
        except Exception as error:
            broken += 1
            sys.set_int_max_str_digits(0)
            print(f"{error!r}\n  template: {template!r}\n  bundles: {bundles!r}\n  zone: {zone}")
            sys.set_int_max_str_digits(4300)
        slowest = max(slowest, (time.process_time() - began, template))
        count += 1
        try:
            evaluate(template, bundles, now=NOW)
        except Exception:
            errors += 1
    print(
        f"seed {seed}: {count:,} templates, {errors:,} of them with an error, {broken} broken;"
        f" the slowest took {slowest[0]:.2f} s: {slowest[1][:300]!r}"
    )
    return broken


if __name__ == "__main__":
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    raise SystemExit(min(main(float(sys.argv[1]), chosen), 1))
