"""A matcher for regular expressions that counts its steps, and stops when they are too many.

It tries what `re` tries, in the same order, over a list of instructions and a stack of its own. A
run of one set of characters is taken in one step, with `re`'s help.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from segconnect.mapping.regex import syntax
from segconnect.mapping.regex.cases import canonical
from segconnect.mapping.regex.python import chars
from segconnect.mapping.regex.syntax import Chars, Node
from segconnect.mapping.values import UnusableError

MAX_STEPS: Final = 1_000_000
"""Steps for all that is done with one text."""

MAX_PROGRAM: Final = 20_000
"""Instructions that a pattern may become."""

Registers: TypeAlias = tuple[int, ...]  # where groups begin and end, -1 for nowhere; loop counters

(CHAR, RUN, SPLIT, JUMP, SAVE, FORGET, LOOP, AGAIN, EDGE, LOOK, SET, DONE) = range(12)


class Machine:
    """The instructions of one pattern."""

    def __init__(self, node: Node, groups: int, flags: str) -> None:
        self.flags = flags
        self.code: list[tuple[Any, ...]] = []
        self.size = 2 * (groups + 1)
        self.finder = self._finder(node)
        self._emit(node)
        self._add(DONE)
        self.blank: Registers = (-1,) * self.size

    def _finder(self, node: Node) -> re.Pattern[str] | None:
        """Finds the places where a match may begin, if the first character is known."""
        while isinstance(node, (syntax.Group, syntax.Sequence)) or (
            isinstance(node, syntax.Repeat) and node.least > 0
        ):
            if isinstance(node, syntax.Sequence):
                if not node.items:
                    return None
                node = node.items[0]
            else:
                node = node.node
        return re.compile(chars(node.ranges)) if isinstance(node, Chars) else None

    def _add(self, *instruction: Any) -> int:
        if len(self.code) >= MAX_PROGRAM:
            raise UnusableError("the regular expression is too large")
        self.code.append(instruction)
        return len(self.code) - 1

    def _register(self, count: int) -> int:
        self.size += count
        return self.size - count

    def _emit(self, node: Node) -> None:
        match node:
            case Chars():
                self._add(CHAR, self._one(node))
            case syntax.Sequence():
                for item in node.items:
                    self._emit(item)
            case syntax.Choice():
                self._emit_choice(node)
            case syntax.Group():
                self._add(SAVE, 2 * node.number)
                self._emit(node.node)
                self._add(SAVE, 2 * node.number + 1)
            case syntax.Repeat():
                self._emit_repeat(node)
            case syntax.Look():
                place = self._add(LOOK)
                self._emit(node.node)
                self._add(DONE)
                numbers = _groups_of(node.node)
                self.code[place] = (LOOK, node.is_ahead, node.is_negative, len(self.code), numbers)
            case syntax.Again():
                self._add(AGAIN, 2 * node.number)
            case syntax.Edge():
                self._add(EDGE, _EDGES[node.kind])

    def _one(self, node: Chars) -> Callable[[str, int], re.Match[str] | None]:
        return re.compile(chars(node.ranges)).match

    def _emit_choice(self, node: syntax.Choice) -> None:
        jumps = []
        for option in node.options[:-1]:
            split = self._add(SPLIT)
            self._emit(option)
            jumps.append(self._add(JUMP))
            self.code[split] = (SPLIT, split + 1, len(self.code))
        self._emit(node.options[-1])
        for jump in jumps:
            self.code[jump] = (JUMP, len(self.code))

    def _emit_repeat(self, node: syntax.Repeat) -> None:
        if isinstance(node.node, Chars):
            most = "" if node.most is None else node.most
            run = re.compile(f"(?:{chars(node.node.ranges)}){{0,{most}}}+").match
            self._add(RUN, run, node.least, node.is_lazy)
            return
        counter = self._register(2)
        self._add(SET, counter)
        loop = self._add(LOOP)
        numbers = _groups_of(node.node)
        if numbers:
            self._add(FORGET, numbers)
        self._emit(node.node)
        self._add(JUMP, loop)
        self.code[loop] = (LOOP, counter, node.least, node.most, node.is_lazy, len(self.code))

    def search(self, text: str, start: int, meter: Meter) -> Registers | None:
        """The registers of the first match at or after a place."""
        while start <= len(text):
            if self.finder is not None:
                found = self.finder.search(text, start)
                if found is None:
                    return None
                meter.spend((found.start() - start) // 64)
                start = found.start()
            registers = self.match(text, start, meter)
            if registers is not None:
                return registers
            start += 1
        return None

    def match(self, text: str, start: int, meter: Meter) -> Registers | None:
        """The registers of a match that begins at a place."""
        found = self._run(text, 0, start, self.blank, meter)
        return None if found is None else (start, found[0], *found[1][2 : self.size])

    def _run(
        self, text: str, counter: int, place: int, registers: Registers, meter: Meter, end: int = -1
    ) -> tuple[int, Registers] | None:
        """Runs to DONE, with `end` only if it is reached there; answers the place and registers."""
        code, spend = self.code, meter.spend
        # what to try next: (instruction, place, registers, first place, last place, step)
        stack: list[tuple[int, int, Registers, int]] = []
        while True:
            instruction = code[counter]
            spend(1)
            is_failed = False
            match instruction[0]:
                case 0:  # CHAR
                    if instruction[1](text, place) is None:
                        is_failed = True
                    else:
                        place += 1
                        counter += 1
                case 1:  # RUN
                    _, run, least, is_lazy = instruction
                    last = run(text, place).end()
                    spend((last - place) // 64)
                    first = place + least
                    counter += 1
                    if last < first:
                        is_failed = True
                    elif is_lazy:
                        place = first
                        if last > first:
                            stack.append((counter, first + 1, registers, last))
                    else:
                        place = last
                        if last > first:
                            stack.append((counter, last - 1, registers, first))
                case 2:  # SPLIT
                    stack.append((instruction[2], place, registers, place))
                    counter = instruction[1]
                case 3:  # JUMP
                    counter = instruction[1]
                case 4:  # SAVE
                    register = instruction[1]
                    registers = (*registers[:register], place, *registers[register + 1 :])
                    counter += 1
                case 5:  # FORGET
                    values = list(registers)
                    for number in instruction[1]:
                        values[2 * number] = values[2 * number + 1] = -1
                    registers = tuple(values)
                    counter += 1
                case 6:  # LOOP
                    _, register, least, most, is_lazy, after = instruction
                    count, began = registers[register], registers[register + 1]
                    if count > least and began == place:  # the last round was empty
                        is_failed = True
                    elif count == most:
                        counter = after
                    else:
                        again = (
                            *registers[:register],
                            count + 1,
                            place,
                            *registers[register + 2 :],
                        )
                        if count < least:
                            counter, registers = counter + 1, again
                        elif is_lazy:
                            stack.append((counter + 1, place, again, place))
                            counter = after
                        else:
                            stack.append((after, place, registers, place))
                            counter, registers = counter + 1, again
                case 7:  # AGAIN
                    begin, finish = registers[instruction[1]], registers[instruction[1] + 1]
                    if begin >= 0 and finish >= 0:
                        spend((finish - begin) // 64)
                        if self._is_same(text, begin, finish, place):
                            place += finish - begin
                        else:
                            is_failed = True
                    counter += 1
                case 8:  # EDGE
                    is_failed = not instruction[1](text, place)
                    counter += 1
                case 9:  # LOOK
                    _, is_ahead, is_negative, after, numbers = instruction
                    found = self._look(text, counter + 1, place, registers, meter, is_ahead)
                    if (found is None) is not is_negative:
                        is_failed = True
                    elif found is not None:
                        values = list(registers)
                        for number in numbers:
                            values[2 * number : 2 * number + 2] = found[2 * number : 2 * number + 2]
                        registers = tuple(values)
                    counter = after
                case 10:  # SET
                    register = instruction[1]
                    registers = (*registers[:register], 0, -1, *registers[register + 2 :])
                    counter += 1
                case _:  # DONE
                    if end < 0 or place == end:
                        return place, registers
                    is_failed = True
            if is_failed:
                if not stack:
                    return None
                counter, place, registers, limit = stack.pop()
                if place != limit:
                    step = 1 if limit > place else -1
                    stack.append((counter, place + step, registers, limit))

    def _look(
        self,
        text: str,
        counter: int,
        place: int,
        registers: Registers,
        meter: Meter,
        is_ahead: bool,
    ) -> Registers | None:
        if is_ahead:
            found = self._run(text, counter, place, registers, meter)
            return None if found is None else found[1]
        for start in range(place, -1, -1):
            found = self._run(text, counter, start, registers, meter, place)
            if found is not None:
                return found[1]
        return None

    def _is_same(self, text: str, begin: int, finish: int, place: int) -> bool:
        first, second = text[begin:finish], text[place : place + finish - begin]
        if first == second or "i" not in self.flags:
            return first == second
        is_unicode = syntax.is_unicode(self.flags)
        return len(first) == len(second) and all(
            canonical(one, is_unicode) == canonical(other, is_unicode)
            for one, other in zip(first, second, strict=True)
        )


class Meter:
    """Counts the steps that are done with one text."""

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Counts steps.

        Raises:
            UnusableError: There were too many.
        """
        self.left -= steps
        if self.left < 0:
            raise UnusableError(
                "the regular expression takes too long on this text; make it more exact, "
                "for example by [^,]* in place of .*"
            )


def _groups_of(node: Node) -> tuple[int, ...]:
    match node:
        case syntax.Group():
            return (node.number, *_groups_of(node.node))
        case syntax.Repeat() | syntax.Look():
            return _groups_of(node.node)
        case syntax.Sequence():
            return tuple(number for item in node.items for number in _groups_of(item))
        case syntax.Choice():
            return tuple(number for option in node.options for number in _groups_of(option))
    return ()


_LINE_ENDS: Final = "\n\r\u2028\u2029"


def _is_word(text: str, place: int) -> bool:
    char = text[place : place + 1] if place >= 0 else ""
    return char.isascii() and (char.isalnum() or char == "_")


def _at_word_edge(text: str, place: int) -> bool:
    return _is_word(text, place - 1) != _is_word(text, place)


_EDGES: Final[dict[str, Callable[[str, int], bool]]] = {
    "^": lambda text, place: place == 0,
    "$": lambda text, place: place == len(text),
    "M": lambda text, place: place == 0 or text[place - 1] in _LINE_ENDS,
    "E": lambda text, place: place == len(text) or text[place] in _LINE_ENDS,
    "b": _at_word_edge,
    "B": lambda text, place: not _at_word_edge(text, place),
}
