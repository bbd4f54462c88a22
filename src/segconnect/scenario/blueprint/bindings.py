"""Bindings: what the ids in a blueprint stand for here.

An import carries no connections, webhooks, data stores or data structures; the numbers that a
blueprint has for them belong to the account that it came from. A small file says what they are:

    connections:
      "4711": shop                      # the name of a connection here
    webhooks:
      "45": new-order                   # the path of its URL
    datastores:
      "77": seen-orders
    structures:
      "12": [{name: email, type: text, required: true}]
    scenarios:
      "99": follow-up.yaml
    modules:                            # what modules of other apps do here
      google-sheets:addRow: {sample: row.json}
      slack:CreateMessage: {http: {url: "https://chat.example/post", body: {text: "{{text}}"}}}
      "7": {python: "helpers.py:score"} # one module, by its id
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segconnect.errors import ScenarioError, unknown_name
from segconnect.scenario.blueprint import text
from segconnect.scenario.blueprint.needs import Need, NeedKind
from segconnect.types import shown

Prompt = Callable[[str], str]
"""Asks a person one question, and answers what was typed; "" for nothing."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpBinding(_Strict):
    """A module becomes an HTTP call. Templates see the module's own fields: {{text}}."""

    url: str = Field(min_length=1)
    method: Literal["get", "post", "put", "patch", "delete", "head", "options"] = "post"
    headers: dict[str, str] = {}
    query: dict[str, Any] = {}
    body: Any = None  # default: the module's fields, as JSON
    output: str = "data"  # "data": the answer's body is the output; "all": with status and headers
    timeout: float = Field(default=40, gt=0, le=300)  # seconds


class ModuleBinding(_Strict):
    """What a module of another app does here: exactly one of the three.

    Attributes:
        http: An HTTP call.
        sample: What it is to put out, every time: a file, a bundle, or a list of bundles.
        python: A function, "file.py:name" or "package.module:name".
    """

    http: HttpBinding | None = None
    sample: str | dict[str, Any] | list[dict[str, Any]] | None = None
    python: str | None = Field(default=None, pattern=r"^[^:\s][^:]*:[A-Za-z_]\w*$")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set & {"http", "sample", "python"}) != 1:
            raise ValueError("give one of http, sample and python")
        return self


_NAME = r"^[A-Za-z0-9][\w.~-]*$"
_ENDS = {"connections": "a name", "webhooks": "a path", "datastores": "a name"}


class Bindings(_Strict):
    """What the ids in a blueprint stand for here; the keys are ids, or labels."""

    connections: dict[str, str] = {}
    webhooks: dict[str, str] = {}
    datastores: dict[str, str] = {}
    structures: dict[str, list[dict[str, Any]] | str] = {}
    scenarios: dict[str, str] = {}
    modules: dict[str, ModuleBinding] = {}

    @model_validator(mode="after")
    def _is_said(self) -> Self:
        problems = [
            f"{section}.{key}: is empty; expected {what}"
            for section, what in _ENDS.items()
            for key, value in getattr(self, section).items()
            if not value.strip()
        ]
        problems += [
            f"webhooks.{key}: {shown(path)} is not a path of letters, digits, - . _ and ~"
            for key, path in self.webhooks.items()
            if path.strip() and not all(re.match(_NAME, s) for s in path.strip("/").split("/"))
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def bound_to(self, need: Need) -> Any:
        """Answers what is bound to a need: by its id, by the place that needs it, or by its label.

        A module is looked for by its own id, by "app:Module", then by "app:*".
        """
        section: Mapping[str, Any] = getattr(self, need.kind.section)
        keys = need.keys()
        return next((section[key] for key in keys if key in section), None)

    def module(self, id_: int | None, module: str) -> ModuleBinding | None:
        """Answers what a module does here."""
        keys = (str(id_), module, f"{module.partition(':')[0]}:*")
        return next((self.modules[key] for key in keys if key in self.modules), None)

    def to_values(self) -> dict[str, Any]:
        """Answers what the file holds: sections that are empty are left out."""
        values = self.model_dump(exclude_unset=True)
        return {section: entries for section, entries in values.items() if entries}

    def with_entry(self, need: Need, value: Any) -> Bindings:
        """Answers the same bindings with one more."""
        values = self.to_values()
        values.setdefault(need.kind.section, {})[need.key] = value
        return validated(values)


def read(path: Path) -> Bindings:
    """Reads a file of bindings.

    Raises:
        ScenarioError: It cannot be read; or it is wrong, and every problem is told.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}: is not UTF-8 text") from None
    try:
        return parse(content)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from None


def parse(content: str) -> Bindings:
    """Reads bindings from YAML.

    Raises:
        ScenarioError: They are wrong; every problem is told.
    """
    values = text.read_yaml(content)
    if values is None:
        return Bindings()
    if not isinstance(values, dict):
        raise ScenarioError("expected sections such as connections, found " + shown(values))
    return validated({section: entries for section, entries in values.items() if entries})


def validated(values: Mapping[str, Any]) -> Bindings:
    """Makes bindings of values.

    Raises:
        ScenarioError: They are wrong; every problem is told.
    """
    try:
        return Bindings.model_validate(values)
    except ValidationError as error:
        raise ScenarioError("; ".join(_problem(each) for each in error.errors())) from None


def _problem(error: Any) -> str:
    place = [str(step) for step in error["loc"] if not _is_branch(step)]
    if error["type"] == "extra_forbidden":
        known: Sequence[str] = list(Bindings.model_fields)
        if len(place) > 1:
            kind = HttpBinding if "http" in place[:-1] else ModuleBinding
            known = list(kind.model_fields)
        what = unknown_name("key" if len(place) > 1 else "section", place[-1], known)
        place = place[:-1]
    elif error["type"] == "string_pattern_mismatch":
        what = f"{shown(error['input'])} is not file.py:function"
    elif error["type"] == "string_type":
        what = f"expected a text, found {shown(error['input'])}"
    else:
        what = str(error["msg"]).removeprefix("Value error, ")
    return f"{'.'.join(place)}: {what}" if place else what


def _is_branch(step: object) -> bool:
    """Tells a branch of a union, which says nothing to a reader, from a key."""
    return isinstance(step, str) and bool(re.match(r"^(str|dict\[|list\[)", step))


def beside(scenario: Path) -> Path:
    """Answers where bindings are looked for: x.bindings.yaml beside x.blueprint.json."""
    stem = scenario.name.removesuffix(scenario.suffix).removesuffix(".blueprint")
    return scenario.with_name(f"{stem}.bindings.yaml")


def bindings_of(scenario: Path, given: Path | None = None) -> tuple[Path, Bindings]:
    """Reads the bindings of a scenario: those of the file that is given, else those beside it.

    Returns:
        The file, which need not be there, and the bindings.

    Raises:
        ScenarioError: It cannot be read; or it is wrong, and every problem is told.
    """
    path = given or beside(scenario)
    return path, read(path) if given or path.exists() else Bindings()


def skeleton(needs: Sequence[Need]) -> str:
    """Writes a file of bindings to be filled in, a comment for each; "" if none is missing."""
    lines: list[str] = []
    for kind in NeedKind:
        entries = [need for need in needs if need.kind is kind and not need.is_bound]
        if entries:
            lines.append(f"{kind.section}:")
        for need in entries:
            is_plain = re.fullmatch(r"[A-Za-z][\w:.-]*[\w]", need.key)
            key = need.key if is_plain else json.dumps(need.key)
            mark = "" if need.is_required else "# "
            lines += [f"  # {need.explained()}", f"  {mark}{key}: {kind.placeholder}"]
    return "\n".join([*lines, ""]) if lines else ""


def ask(needs: Sequence[Need], bindings: Bindings, prompt: Prompt | None = None) -> Bindings:
    """Asks for each binding that is missing, once; what is left empty stays missing.

    Args:
        needs: What must be bound.
        bindings: What is bound already.
        prompt: Asks one question; default: on the terminal.
    """
    asks = prompt or _typer_prompt
    for need in needs:
        if not need.is_required or bindings.bound_to(need) is not None:
            continue
        while True:
            answer = asks(f"{need.explained()}\n  {need.kind.question}").strip()
            if not answer:
                break
            try:
                bindings = bindings.with_entry(need, need.kind.value_of(answer))
            except ScenarioError as error:
                asks = _again(asks, str(error))
                continue
            break
    return bindings


def _again(asks: Prompt, problem: str) -> Prompt:
    """Puts what was wrong before the next question, and only before that one."""
    told = [problem]

    def prompt(question: str) -> str:
        before = f"{told.pop()}\n" if told else ""
        return asks(before + question)

    return prompt


def _typer_prompt(question: str) -> str:
    import typer

    return str(typer.prompt(question, default="", show_default=False))


def write(path: Path, bindings: Bindings) -> None:
    """Writes bindings to a file; what somebody wrote there, comments too, stays where it can.

    Raises:
        ScenarioError: The file cannot be written, or what is in it cannot be read.
    """
    values = bindings.to_values()
    try:
        before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        old = parse(before).to_values()
        after = _added(before, old, values)
        try:
            kept = parse(after).to_values()
        except ScenarioError:
            kept = None
        path.write_text(after if kept == values else text.write_yaml(values), encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be written: {error.strerror}") from None


def _added(before: str, old: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Adds entries below the heads of their sections, leaving the other lines alone."""
    lines = before.splitlines()
    for section, entries in values.items():
        new = {key: value for key, value in entries.items() if key not in old.get(section, {})}
        if not new:
            continue
        added = ["  " + line for line in text.write_yaml(new).splitlines()]
        heads = [i for i, line in enumerate(lines) if re.match(rf"{section}:\s*(#.*)?$", line)]
        if heads:
            lines[heads[0] + 1 : heads[0] + 1] = added
        else:
            lines += [f"{section}:", *added]
    return "\n".join([*lines, ""])
