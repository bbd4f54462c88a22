"""Reads a template: splits it at its {{expressions}}, and parses each into nodes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from segconnect.errors import MappingError
from segconnect.mapping.values import UnusableError, Value, read_number

MAX_TEMPLATE = 500_000
"""Characters in a template."""

MAX_EXPRESSION = 20_000
"""Characters in one of its expressions."""

MAX_DEPTH = 60
"""How many calls and operators may stand inside one another, and how long a path may be."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or a text that is written out."""

    value: Value
    start: int
    end: int
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Bundle:
    """What module N put out: the N of N.email."""

    module: str
    start: int
    end: int
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Name:
    """A bare word: a keyword or a variable."""

    name: str
    start: int
    end: int
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Access:
    """A value and the steps that lead into it: a str is a key, a node or None an index."""

    base: Node
    steps: tuple[str | Node | None, ...]
    start: int
    end: int
    depth: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; None is an empty one."""

    name: str
    arguments: tuple[Node | None, ...]
    start: int  # of the name alone
    end: int
    depth: int


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator between two operands."""

    symbol: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands with operators of one precedence between them, reckoned from left to right."""

    kind: str  # disjunction, conjunction, comparison, sum, product
    operands: tuple[Node, ...]
    operators: tuple[Operator, ...]  # empty for disjunction and conjunction
    start: int
    end: int
    depth: int


@dataclass(frozen=True, slots=True)
class Negation:
    """A minus sign before an operand."""

    operand: Node
    start: int  # of the sign alone
    end: int
    depth: int


Node: TypeAlias = Literal | Bundle | Name | Access | Call | Chain | Negation


def split(template: str) -> Iterator[str | tuple[int, str]]:
    """Cuts a template into its literal texts and its expressions.

    Yields:
        A str for literal text, and for an expression where it begins and what it says.

    Raises:
        MappingError: A {{ or a text literal is never closed, or the template is too long.
    """
    if len(template) > MAX_TEMPLATE:
        raise MappingError(f"the template is longer than {MAX_TEMPLATE:,} characters")
    position = 0
    while (opening := template.find("{{", position)) >= 0:
        while template.startswith("{{{", opening):  # {"a":{{{1.x}}}}: the last two open
            opening += 1
        if opening > position:
            yield template[position:opening]
        start = opening + 2
        end = _closing(template, start)
        yield start, template[start:end]
        position = end + 2
    if position < len(template):
        yield template[position:]


_LANDMARK = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|}}|[\"'`]|{{")


def _closing(template: str, start: int) -> int:
    for landmark in _LANDMARK.finditer(template, start):
        found = landmark.group()
        if found == "}}":
            return landmark.start()
        if len(found) == 1:
            what = "a key in backticks" if found == "`" else "a text literal"
            raise MappingError(
                f"{what} is never closed: {found} is missing at its end",
                template=template,
                start=landmark.start(),
                end=landmark.start() + 1,
            )
        if found == "{{":
            break
    raise MappingError(
        "an expression is never closed: }} is missing",
        template=template,
        start=start - 2,
        end=start,
    )


def parse(expression: str) -> Node:
    """Parses one expression; every position is counted from its beginning.

    Raises:
        MappingError: The expression does not follow the grammar; it has no template yet.
    """
    if len(expression) > MAX_EXPRESSION:
        raise MappingError(f"the expression is longer than {MAX_EXPRESSION:,} characters")
    try:
        node: Any = _parser().parse(expression)
    except UnexpectedCharacters as error:
        raise _refused(expression, error.pos_in_stream or 0) from None
    except UnexpectedToken as error:
        at_end = error.token.type == "$END"
        raise _refused(
            expression, len(expression) if at_end else error.token.start_pos or 0
        ) from None
    return node  # type: ignore[no-any-return]


@cache
def _parser() -> Lark:
    grammar = (files("segconnect.mapping") / "grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=_Builder())


def _refused(expression: str, position: int) -> MappingError:
    rest = expression[position:]
    word = re.match(r"[\w$]+|\s*.", rest, re.DOTALL)
    reason = _reason(expression[:position], rest, word.group().strip() if word else "")
    if word and rest.strip():
        return MappingError(reason, start=position, end=position + len(word.group()))
    last = max(0, len(expression.rstrip()) - 1)
    return MappingError(reason, start=last, end=last + 1)


def _reason(before: str, rest: str, word: str) -> str:
    if not rest.strip():
        opened = re.sub(r"\"[^\"]*\"|'[^']*'|`[^`]*`", "", before)
        if opened.count("(") > opened.count(")"):
            return "the expression ends too early: ) is missing"
        if opened.count("[") > opened.count("]"):
            return "the expression ends too early: ] is missing"
        return "the expression ends too early: a value is missing at its end"
    if word == ",":
        return "unexpected ','; arguments are separated by ;"
    if word in "“”„‟‘’‚‛«»":
        return f"unexpected {word}; a text literal stands in straight quotes: \"...\" or '...'"
    if word in ("{", "}", "{{"):
        return f"unexpected {word!r}; braces cannot stand inside an expression, except in a text"
    if word == ")":
        return "unexpected ')'; there is no ( before it that it would close, or a value is missing"
    if word == ";" and before.count("(") == before.count(")") and before.strip():
        return "unexpected ';'; it separates the arguments of a function, and there is none here"
    if word in (";", "]", "&", "|", "=", "<", ">", "*", "/", "%"):
        return f"unexpected {word!r}; a value is missing before it"
    if word in "!~^?:@#\\":
        return f"unexpected {word!r}; it is no operator here, and such a key stands in backticks"
    if before[-1:].isdigit() and word[:1].isalpha():
        return f"unexpected {word!r}; a key that begins with a digit stands in backticks"
    return f"unexpected {word!r}; an operator or a separator is missing before it, or quotes"


def _span(token: Token) -> tuple[int, int]:
    return token.start_pos or 0, token.end_pos or 0


def _depth(start: int, end: int, nodes: Iterable[Node | str | None]) -> int:
    depth = 1
    for node in nodes:
        if node is not None and not isinstance(node, str) and node.depth >= depth:
            depth = node.depth + 1
    if depth > MAX_DEPTH:
        raise MappingError(
            f"the expression is nested more than {MAX_DEPTH} levels deep", start=start, end=end
        )
    return depth


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Makes nodes while the parser goes, from the leaves up."""

    def number(self, token: Token) -> Literal:
        start, end = _span(token)
        try:
            return Literal(read_number(str(token)), start, end)
        except UnusableError as error:
            raise MappingError(str(error), start=start, end=end) from None

    def text(self, token: Token) -> Literal:
        quote = token[0]
        return Literal(str(token[1:-1]).replace(quote * 2, quote), *_span(token))

    def bundle(self, token: Token) -> Bundle | Name:
        name = str(token).strip("`")
        if name.isascii() and name.isdigit():
            start, end = _span(token)
            if len(name) > 20:
                raise MappingError("no module has a number so long", start=start, end=end)
            return Bundle(name.lstrip("0") or "0", start, end)
        return Name(name, *_span(token))

    def name(self, token: Token) -> Name:
        return Name(str(token), *_span(token))

    def member(self, base: Node, token: Token) -> Access:
        return self._step(base, str(token).strip("`"), _span(token)[1])

    def item(self, base: Node, index: Node | None) -> Access:
        if isinstance(index, Literal) and isinstance(index.value, str):
            raise MappingError(
                "an index is a number; a key is written after a dot, in backticks if need be",
                start=index.start,
                end=index.end,
            )
        return self._step(base, index, index.end + 1 if index else base.end)

    def _step(self, base: Node, step: str | Node | None, end: int) -> Access:
        before: tuple[str | Node | None, ...] = ()
        root = base
        if isinstance(base, Access):
            root, before = base.base, base.steps
        if len(before) >= MAX_DEPTH:
            raise MappingError(
                f"the path has more than {MAX_DEPTH} steps", start=base.start, end=end
            )
        depth = _depth(root.start, end, (root, *before, step))
        return Access(root, (*before, step), root.start, end, depth)

    def call(self, token: Token, arguments: tuple[Node | None, ...]) -> Call:
        start, end = _span(token)
        return Call(str(token), arguments, start, end, _depth(start, end, arguments))

    def arguments(self, *nodes: Node | None) -> tuple[Node | None, ...]:
        return () if nodes == (None,) else nodes

    def negation(self, sign: Token, operand: Node) -> Negation:
        start, end = _span(sign)
        return Negation(operand, start, end, _depth(start, end, (operand,)))

    def disjunction(self, *operands: Node) -> Chain:
        return _chain("disjunction", operands)

    def conjunction(self, *operands: Node) -> Chain:
        return _chain("conjunction", operands)

    def comparison(self, *children: Any) -> Chain:
        return _chain("comparison", children)

    def sum(self, *children: Any) -> Chain:
        return _chain("sum", children)

    def product(self, *children: Any) -> Chain:
        return _chain("product", children)


def _chain(kind: str, children: Sequence[Any]) -> Chain:
    operands = tuple(child for child in children if not isinstance(child, Token))
    operators = tuple(
        Operator(str(child), *_span(child)) for child in children if isinstance(child, Token)
    )
    start, end = operands[0].start, operands[-1].end
    return Chain(kind, operands, operators, start, end, _depth(start, end, operands))
