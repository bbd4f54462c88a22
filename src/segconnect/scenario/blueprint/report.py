"""What a check finds, as values, as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from segconnect.scenario.blueprint.model import ChainKind, Node
from segconnect.scenario.blueprint.needs import Need


class Severity(StrEnum):
    """Whether a problem stops a scenario from running."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, and where.

    Attributes:
        rule: The rule that is broken, in one word, for programs.
        path: The place in the file, such as flow[2].mapper.email; "" for the whole.
        excerpt: The line of a template where it went wrong, and under it the place.
    """

    severity: Severity
    rule: str
    path: str
    module: int | None
    message: str
    excerpt: str = ""

    def to_values(self) -> dict[str, Any]:
        """Answers it as JSON's values."""
        values = {
            "severity": str(self.severity),
            "rule": self.rule,
            "path": self.path,
            "module": self.module,
            "message": self.message,
        }
        return {**values, "excerpt": self.excerpt} if self.excerpt else values


class Status(StrEnum):
    """What becomes of a module here."""

    RUNS = "runs"
    BOUND = "bound"  # the file of bindings says what it does
    BINDABLE = "to be bound"
    UNREAL = "no such module"
    IGNORED = "does not run"  # it stands beside the scenario, or its route is switched off


@dataclass(frozen=True)
class ModuleReport:
    """A module, and whether it runs."""

    node: Node
    status: Status
    why: str = ""  # where it does not run by itself

    def to_values(self) -> dict[str, Any]:
        """Answers it as JSON's values."""
        node = self.node
        return {
            "id": node.id,
            "module": node.module,
            "label": node.label,
            "path": node.path,
            "chain": str(node.chain.kind),
            "status": str(self.status),
            "why": self.why,
        }


class Verdict(IntEnum):
    """Whether a scenario runs; the exit code."""

    RUNNABLE = 0
    TO_BE_BOUND = 1
    NOT_RUNNABLE = 2


@dataclass
class Report:
    """What a check found.

    Attributes:
        form: What the file is.
        modules: Every module by its path, orphans too.
        needs: What must be bound, bound or not.
        problems: What is wrong, in the order of the file.
    """

    form: str
    name: str
    modules: dict[str, ModuleReport] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> list[Problem]:
        """The problems that stop it from running."""
        return [each for each in self.problems if each.severity is Severity.ERROR]

    @property
    def missing(self) -> list[Need]:
        """What must still be bound."""
        return [need for need in self.needs if need.is_required and not need.is_bound]

    @property
    def verdict(self) -> Verdict:
        """Whether it runs."""
        if self.errors:
            return Verdict.NOT_RUNNABLE
        return Verdict.TO_BE_BOUND if self.missing else Verdict.RUNNABLE

    def to_values(self) -> dict[str, Any]:
        """Answers it as JSON's values."""
        return {
            "form": self.form,
            "name": self.name,
            "verdict": self.verdict.name.lower(),
            "modules": [each.to_values() for each in self.modules.values()],
            "needs": [
                {
                    "kind": str(need.kind),
                    "key": need.key,
                    "label": need.label,
                    "app": need.app,
                    "modules": need.modules,
                    "required": need.is_required,
                    "bound": need.is_bound,
                }
                for need in self.needs
            ],
            "problems": [each.to_values() for each in self.problems],
        }


def is_switched_off(node: Node) -> bool:
    """Tells whether a module does not run since it is an orphan, or its route is switched off."""
    chain = node.chain
    if chain.kind is ChainKind.ORPHANS or chain.is_disabled:
        return True
    return node.parent is not None and is_switched_off(node.parent)
