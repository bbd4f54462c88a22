"""Makes closures of nodes: one for each, called with a Context, answering the value."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from segconnect.errors import MappingError
from segconnect.mapping import closures, operations, syntax
from segconnect.mapping.closures import Fail, constant
from segconnect.mapping.comparison import is_equal
from segconnect.mapping.operators import ARITHMETIC, COMPARISONS, is_different, member
from segconnect.mapping.registry import Closure, Function, Functions
from segconnect.mapping.values import (
    DECIMALS,
    ERASE,
    IGNORE,
    Special,
    UnusableError,
    Value,
    milliseconds,
)

KEYWORDS: Final[dict[str, Value]] = {
    "true": True,
    "false": False,
    "null": None,
    "emptystring": "",
    "emptyarray": [],
    "space": " ",
    "tab": "\t",
    "newline": "\n",
    "carriagereturn": "\r",
    "nbsp": "\u00a0",
    "ignore": IGNORE,
    "erase": ERASE,
    "pi": Decimal("3.1415926535897932385"),
}
"""The words that stand for one value."""

VARIABLES: Final[dict[str, Closure]] = {
    "now": lambda context: context.now,
    "timestamp": lambda context: milliseconds(context.now) // 1000,
    "random": lambda context: DECIMALS.scaleb(random.randrange(10**16), -16),
    "uuid": lambda context: str(uuid.uuid4()),
    "executionId": lambda context: (
        context.variables.get("executionId")
        or member(context.variables.get("scenario"), "executionId")
    ),
    "var": lambda context: context.variables,
}
"""The words that stand for a value that changes."""


class Compiler:
    """Compiles the expressions of one template."""

    def __init__(self, template: str, functions: Functions) -> None:
        self.template, self.functions = template, functions
        self.offset = 0  # where the expression at hand begins
        self.modules: set[str] = set()  # the modules that it reads from

    def compile(self) -> Closure:
        """Compiles the template.

        Raises:
            MappingError: It does not follow the grammar, or calls what there is not.
        """
        parts = list(syntax.split(self.template))
        if not parts:
            return constant("")
        if len(parts) == 1:
            part = parts[0]
            return constant(part) if isinstance(part, str) else self.expression(*part)[1]
        return self.text(parts)

    def text(self, parts: Sequence[str | tuple[int, str]]) -> Closure:
        """Text with values in it: every value is made text, and nothing is the empty text."""
        pieces: list[closures.Piece] = []
        literal = ""
        for part in parts:
            if isinstance(part, str):
                literal = part
            else:
                node, read = self.expression(*part)
                number, key = _item_of(node) or (None, "")
                fail = self.failing(0, len(part[1]))
                pieces.append((literal, number, key, read, fail))
                literal = ""
        shape = closures.text if len(pieces) <= 8 else closures.long_text
        return shape(pieces, literal)

    def expression(self, offset: int, expression: str) -> tuple[syntax.Node | None, Closure]:
        """One expression, with the place in the template where it begins."""
        if not expression.strip():
            return None, constant(None)
        self.offset = offset
        try:
            node = syntax.parse(expression)
            return node, self.node(node)
        except MappingError as error:
            if not error.template:
                error.template = self.template
                error.start += offset
                error.end += offset
            raise

    def placed(self, reason: str, start: int, end: int) -> MappingError:
        """An error at a place of the template."""
        return MappingError(reason, template=self.template, start=start, end=end)

    def failing(self, start: int, end: int, prefix: str = "") -> Fail:
        """What makes a MappingError of a failure at a place of the expression at hand."""
        start, end = start + self.offset, end + self.offset

        def fail(error: Exception) -> MappingError:
            if isinstance(error, MappingError):
                return error
            reason = str(error) if isinstance(error, UnusableError) else _crash(error)
            return self.placed(prefix + reason, start, end)

        return fail

    def node(self, node: syntax.Node | None) -> Closure:
        """The closure of a node; None is an empty argument."""
        match node:
            case None:
                return constant(None)
            case syntax.Literal():
                return constant(node.value)
            case syntax.Name():
                return self.name(node.name)
            case syntax.Bundle():
                self.modules.add(node.module)
                return closures.bundle(node.module)
            case syntax.Access():
                return self.access(node)
            case syntax.Call():
                return self.call(node)
            case syntax.Negation():
                fail = self.failing(node.start, node.end, "Operator '-': ")
                return operations.negated(self.node(node.operand), fail)
            case syntax.Chain():
                return self.chain(node)

    def name(self, name: str) -> Closure:
        """A keyword, a variable of the language or of the context; an unknown word is nothing."""
        if name == "emptyarray":
            return lambda context: []
        if name in KEYWORDS:
            return constant(KEYWORDS[name])
        if name in VARIABLES:
            return VARIABLES[name]
        return lambda context: context.variables.get(name)

    def access(self, node: syntax.Access) -> Closure:
        """Steps into a value; where one leads nowhere, the rest of them do, too."""
        first = node.steps[0]
        if isinstance(node.base, syntax.Bundle) and isinstance(first, str):
            self.modules.add(node.base.module)
            read = closures.bundle_item(node.base.module, first)
            steps = node.steps[1:]
            if steps and isinstance(steps[0], str):
                read = closures.bundle_item_member(node.base.module, first, steps[0])
                steps = steps[1:]
        else:
            read, steps = self.node(node.base), node.steps
        fixed: list[str | int] = []
        for step in steps:
            place = _place(step)
            if place is not None:
                fixed.append(place)
                continue
            read = closures.path(read, fixed) if fixed else read
            read, fixed = closures.indexed(read, self.node(step)), []  # type: ignore[arg-type]
        return closures.path(read, fixed) if fixed else read

    def chain(self, node: syntax.Chain) -> Closure:
        """Operators between two or more operands, from left to right."""
        operands = [self.node(operand) for operand in node.operands]
        if node.kind == "disjunction":
            return operations.either(operands)
        if node.kind == "conjunction":
            return operations.both(operands)
        fails = [
            self.failing(operator.start, operator.end, f"Operator {operator.symbol!r}: ")
            for operator in node.operators
        ]
        if node.kind == "comparison":
            return self.comparison(node, operands, fails)
        steps = [
            (ARITHMETIC[operator.symbol], operand, fail)
            for operator, operand, fail in zip(node.operators, operands[1:], fails, strict=True)
        ]
        if len(steps) > 1:
            return operations.chain(operands[0], steps)
        operate, operand, fail = steps[0]
        right = node.operands[1]
        if isinstance(right, syntax.Literal):
            return operations.binary_with_constant(operands[0], operate, right.value, fail)
        return operations.binary(operands[0], operate, operand, fail)

    def comparison(
        self, node: syntax.Chain, operands: Sequence[Closure], fails: Sequence[Fail]
    ) -> Closure:
        """Comparisons of two or more operands."""
        steps = [
            (COMPARISONS[operator.symbol], operand, fail)
            for operator, operand, fail in zip(node.operators, operands[1:], fails, strict=True)
        ]
        if len(steps) > 1:
            return operations.comparisons(operands[0], steps)
        first, (operate, operand, fail) = operands[0], steps[0]
        right, item = node.operands[1], _item_of(node.operands[0])
        if isinstance(right, syntax.Literal):
            value = right.value
            if operate is is_equal and isinstance(value, (str, int)):
                return operations.equals_constant(first, value, fail, item)
            if operate is is_different and isinstance(value, (str, int)):
                return operations.differs_from_constant(first, value, fail, item)
            if operate in operations.ORDERING and isinstance(value, (int, Decimal)):
                return operations.ordered_with_constant(first, operate, value, fail, item)
        return operations.comparison(first, operate, operand, fail)

    def call(self, node: syntax.Call) -> Closure:
        """A call of a function: found, its arguments counted, and each made what it is to be."""
        function = self.functions.get(node.name)
        if function is None:
            reason = self.functions.not_found(node.name)
            raise MappingError(reason, start=node.start, end=node.end)
        count = len(node.arguments)
        if count < function.fewest or (function.most is not None and count > function.most):
            raise MappingError(_miscounted(function, count), start=node.start, end=node.end)
        prefix = f"Function {function.name!r} finished with error! "
        fail = self.failing(node.start, node.end, prefix)
        arguments = [self.node(argument) for argument in node.arguments]
        if function.is_form:
            try:
                run = function.run(*arguments)
            except Exception as error:
                raise fail(error) from error
            return closures.guarded(run, fail) if function.may_fail else run
        constants = _constants(function, node.arguments[1:])
        if arguments and constants is not None and _is_plain(function):
            item = _item_of(node.arguments[0])
            return closures.call_on_first(function, arguments[0], constants, fail, item)
        return closures.call(function, arguments, fail)


def _crash(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _miscounted(function: Function, count: int) -> str:
    fewest, most = function.fewest, function.most
    wanted = str(fewest) if most == fewest else f"{fewest} to {most}"
    if most is None:
        wanted = f"at least {fewest}"
    plural = "" if fewest == 1 and most in (1, None) else "s"
    return (
        f"Function {function.name!r} takes {wanted} argument{plural}, and {count} "
        f"{'is' if count == 1 else 'are'} given: {function.signature}"
    )


def _item_of(node: syntax.Node | None) -> closures.Item | None:
    """The module and the key of a node that is N.key and no more."""
    if isinstance(node, syntax.Access) and isinstance(node.base, syntax.Bundle):
        key = node.steps[0]
        if len(node.steps) == 1 and isinstance(key, str):
            return int(node.base.module), key
    return None


def _place(step: str | syntax.Node | None) -> str | int | None:
    """A step that does not change: its key, or its position from 0; None for any other."""
    if isinstance(step, str):
        return step
    if step is None:
        return 0
    is_negative = isinstance(step, syntax.Negation)
    literal = step.operand if isinstance(step, syntax.Negation) else step
    if isinstance(literal, syntax.Literal) and isinstance(literal.value, int) and literal.value > 0:
        return -literal.value if is_negative else literal.value - 1
    return None


def _is_plain(function: Function) -> bool:
    first = function.parameters[0]
    return not (function.takes_context or first.variadic or first.kind == "date")


def _constants(function: Function, nodes: Sequence[syntax.Node | None]) -> list[Value] | None:
    """The arguments after the first, coerced now, if none of them changes."""
    result = []
    for node, parameter in zip(nodes, function.parameters[1:], strict=False):
        if isinstance(node, syntax.Literal):
            value = node.value
        elif node is None:
            value = None
        elif isinstance(node, syntax.Name) and node.name in KEYWORDS:
            value = KEYWORDS[node.name]
        else:
            return None
        if value is None or isinstance(value, (Special, list)):
            if parameter.variadic or not parameter.takes_absent or isinstance(value, list):
                return None
            value = parameter.default
        elif parameter.kind == "date":
            return None
        elif parameter.coerce is not None:
            try:
                value = parameter.coerce(value)
            except UnusableError:
                return None  # it is told when the call is evaluated
        result.append(value)
    return result if len(result) == len(nodes) else None
