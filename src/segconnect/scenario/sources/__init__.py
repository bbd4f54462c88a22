"""Where bundles come from: one file for each kind of source, each declared by its class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from segconnect.errors import ScenarioError, unknown_name
from segconnect.scenario.bundle import SourceBundle


class Source(Protocol):
    """A source that was opened. It streams: nothing is kept that was given out."""

    label: str

    def bundles(self) -> Iterator[SourceBundle]:
        """Gives the bundles, in their order."""

    def progress(self) -> tuple[int, int]:
        """Answers how far it is, and how far there is to go, in bytes."""


SOURCES = {"segconnect:ReadCsvFile": "csv", "segconnect:ReadJsonFile": "json"}
"""The modules that read files, and their short names."""


def open_source(module: str, parameters: Mapping[str, Any], base: Path) -> Source:
    """Opens a source by its module name.

    Args:
        module: One of SOURCES.
        parameters: What the scenario says of it.
        base: The directory that relative files are in.

    Raises:
        ScenarioError: There is no such source, or a parameter is wrong.
        SourceError: The file cannot be opened or understood.
    """
    from segconnect.scenario.sources.csv import CsvSource
    from segconnect.scenario.sources.json import JsonSource

    kinds: dict[str, Any] = {"csv": CsvSource, "json": JsonSource}
    name = SOURCES[module]
    kind = kinds[name]
    unknown = [name for name in parameters if name not in kind.PARAMETERS]
    if unknown:
        told = "; ".join(unknown_name("parameter", name, kind.PARAMETERS) for name in unknown)
        raise ScenarioError(f"{name}: {told}")
    if "file" not in parameters:
        raise ScenarioError(f"{name}: parameter 'file' is missing: the file to read")
    given = dict(parameters)
    path = base / Path(str(given.pop("file"))).expanduser()
    source: Source = kind(path, **given)
    return source
