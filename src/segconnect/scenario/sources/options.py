"""What a scenario may say of a source, and what a source is opened with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from segconnect.errors import SourceError, unknown_name

if TYPE_CHECKING:
    from segconnect.scenario.engine.services import Services  # the engine reads this package, too

Cursor: TypeAlias = Mapping[str, Any]
"""Where a source stands: a small JSON object, of which only its own source knows the meaning."""


class Options(BaseModel):
    """The parameters of a source. Each has a description: it is the help, and the form."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FileOptions(Options):
    """The parameters of a source that reads one file."""

    file: str = Field(min_length=1, description="The file to read, from where the scenario is.")


@dataclass(frozen=True)
class Opening:
    """What a source may use.

    Attributes:
        base: The directory that relative files are in.
        services: Network, clock and waiting.
        credentials: Finds what was saved under a name: url, user, password, key and so on.
    """

    base: Path
    services: Services
    credentials: Callable[[str], Mapping[str, Any]]

    def path(self, given: str) -> Path:
        """Finds a file that the scenario names."""
        return self.base / Path(given).expanduser()


def problems_of(options: type[Options], given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tells all that is wrong with parameters: the name, "" for all of them, and a sentence."""
    known: Mapping[str, FieldInfo] = options.model_fields
    for name in given:
        if name not in known:
            yield name, unknown_name("parameter", name, known)
    try:
        options.model_validate({name: given[name] for name in given if name in known})
    except ValidationError as error:
        for each in error.errors(include_url=False):
            name = str(each["loc"][0]) if each["loc"] else ""
            if each["type"] == "missing" or each.get("input") in ("", None):
                yield "", f"parameter {name!r} is missing: {_clause(known[name])}"
            elif name:
                said = repr(each["input"])[:60]
                yield name, f"parameter {name!r} is {said}: {_lower(_reason(each['msg']))}"
            else:
                yield "", _reason(each["msg"])


def _clause(field_info: FieldInfo) -> str:
    return _lower(str(field_info.description).rstrip("."))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")


def part(cursor: Cursor, *path: str, kind: type[Any] | tuple[type[Any], ...] = int) -> Any:
    """Reads a part of a cursor.

    Raises:
        SourceError: It is none that this source makes.
    """
    value: Any = cursor
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, kind):
        raise SourceError(
            "the place that was kept is of another source; begin anew, without a place"
        )
    return value
