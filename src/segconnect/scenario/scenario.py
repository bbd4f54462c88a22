"""Reads a scenario file: a source, and the modules that its bundles flow through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segconnect.errors import ScenarioError

MAX_FILE = 10_000_000  # bytes


class Step(BaseModel):
    """One module of the flow; the first is the source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int = Field(ge=1)
    module: str
    parameters: dict[str, Any] = {}  # static: no templates
    mapper: Any = None  # templates
    filter: dict[str, Any] | None = None
    flags: dict[str, Any] = {}


class Scenario(BaseModel):
    """A scenario as its file says it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    timezone: str = "UTC"  # of dates without one
    connection: str | None = None  # the name of the connection, where the command names none
    flow: list[Step] = Field(min_length=1)


def load(path: Path) -> Scenario:
    """Reads a scenario from YAML or JSON.

    Raises:
        ScenarioError: The file cannot be read, or is no scenario; every problem is told.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise ScenarioError(f"{path}: is larger than {MAX_FILE} bytes")
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}: is not UTF-8 text") from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, Mapping):
        raise ScenarioError(f"{path}: is no scenario; expected name and flow")
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        raise ScenarioError(f"{path}: {told}") from None
    ids = [step.id for step in scenario.flow]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise ScenarioError(f"{path}: two modules have the id {twice[0]}; ids are unique")
    return scenario
