"""Scenario files: blueprints of the scenario builder and our YAML, read, checked, converted.

document = read(Path("orders.blueprint.json"))  # any envelope, or our YAML
report = check(document, read_bindings(Path("orders.bindings.yaml")))
document.blueprint.raw                          # what the engine runs
document.to_yaml(), document.to_json()          # without loss
"""

from segconnect.scenario.blueprint.bindings import (
    Bindings,
    ModuleBinding,
    ask,
    bindings_of,
    skeleton,
)
from segconnect.scenario.blueprint.bindings import read as read_bindings
from segconnect.scenario.blueprint.bindings import write as write_bindings
from segconnect.scenario.blueprint.check import check
from segconnect.scenario.blueprint.model import Blueprint, Chain, ChainKind, Node
from segconnect.scenario.blueprint.needs import Need, NeedKind
from segconnect.scenario.blueprint.reading import Document, Form, parse, read
from segconnect.scenario.blueprint.report import Problem, Report, Severity, Status, Verdict

__all__ = [
    "Bindings",
    "Blueprint",
    "Chain",
    "ChainKind",
    "Document",
    "Form",
    "ModuleBinding",
    "Need",
    "NeedKind",
    "Node",
    "Problem",
    "Report",
    "Severity",
    "Status",
    "Verdict",
    "ask",
    "bindings_of",
    "check",
    "parse",
    "read",
    "read_bindings",
    "skeleton",
    "write_bindings",
]
