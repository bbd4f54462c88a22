"""Where bundles come from: one file for each kind of source, each declared by its class.

A source streams, and each of its bundles carries a cursor. `bundles(after=cursor)` goes on right
after that bundle, be it after a crash or in a later run, which so takes only what is new. Where
what was read before has changed (a file was replaced, or cut), it is read anew from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic.fields import FieldInfo

from segconnect.errors import ScenarioError, SourceError, unknown_name
from segconnect.scenario.bundle import SourceBundle
from segconnect.scenario.sources.options import Cursor, Opening, Options, problems_of

if TYPE_CHECKING:
    from segconnect.scenario.engine.services import Services  # the engine reads this package, too

__all__ = [
    "LABELS",
    "SOURCES",
    "SUFFIXES",
    "Cursor",
    "Source",
    "class_of",
    "module_for",
    "open_source",
    "parameters_of",
    "problems_with",
]


class Source(Protocol):
    """A source that was opened. It streams: nothing is kept that was given out."""

    label: str

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives the bundles in their order: all, or those after the one with that cursor.

        Raises:
            SegconnectError: The source failed as a whole; the last cursor still holds.
        """

    def progress(self) -> tuple[int, int]:
        """Answers how far it is, and how far there is to go; 0 where that is not known.

        Text files and folders count bytes; sheets, Parquet, databases and APIs count rows.
        """


SOURCES: Mapping[str, str] = {
    "segconnect:ReadCsvFile": "csv",
    "segconnect:ReadJsonFile": "json",
    "segconnect:ReadExcelFile": "excel",
    "segconnect:ReadParquetFile": "parquet",
    "segconnect:QueryDatabase": "sql",
    "segconnect:FetchPages": "http-pages",
    "segconnect:WatchFolder": "folder",
    "segconnect:ReadExport": "export",
}
"""The modules that bundles come from, and their short names."""

LABELS: Mapping[str, str] = {
    "segconnect:ReadCsvFile": "CSV file",
    "segconnect:ReadJsonFile": "JSON file",
    "segconnect:ReadExcelFile": "Excel file",
    "segconnect:ReadParquetFile": "Parquet file",
    "segconnect:QueryDatabase": "Database query",
    "segconnect:FetchPages": "Pages of an API",
    "segconnect:WatchFolder": "Watched folder",
    "segconnect:ReadExport": "Export of a tool",
}
"""What they are called where people read."""

SUFFIXES: Mapping[str, str] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt"), "csv"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "excel"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
}
"""Which source reads a file, by how its name ends."""

_CLASSES = {
    "csv": "csv:CsvSource",
    "json": "json:JsonSource",
    "excel": "excel:ExcelSource",
    "parquet": "parquet:ParquetSource",
    "sql": "sql:SqlSource",
    "http-pages": "http_pages:HttpPagesSource",
    "folder": "folder:FolderSource",
    "export": "export:ExportSource",
}


def class_of(module: str) -> Any:
    """Finds the class of a source, by id or by short name; only then its library is imported."""
    name = SOURCES.get(module, module)
    if name not in _CLASSES:
        raise ScenarioError(unknown_name("source", module, (*SOURCES, *_CLASSES)))
    file, _, kind = _CLASSES[name].partition(":")
    return getattr(import_module(f"{__name__}.{file}"), kind)


def module_for(path: Path) -> str:
    """Answers the short name of the source that reads a file.

    Raises:
        SourceError: There is none for a name that ends so.
    """
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise SourceError(f"{path.name}: what reads it? Names end in {', '.join(SUFFIXES)}")
    return found


def parameters_of(module: str) -> Mapping[str, FieldInfo]:
    """Answers the parameters of a source: type, default and description."""
    options: type[Options] = class_of(module).OPTIONS
    return options.model_fields


def problems_with(module: str, parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Tells all that is wrong with a source's parameters: the name, or "", and a sentence."""
    return list(problems_of(class_of(module).OPTIONS, parameters))


def open_source(
    module: str,
    parameters: Mapping[str, Any],
    base: Path,
    services: Services | None = None,
    credentials: Callable[[str], Mapping[str, Any]] | None = None,
) -> Source:
    """Opens a source by its module.

    Args:
        module: One of SOURCES, by id or by short name.
        parameters: What the scenario says of it.
        base: The directory that relative files are in.
        services: Network, clock and waiting; default: the real ones.
        credentials: Finds credentials by their name; default: those of the services.

    Raises:
        ScenarioError: There is no such source, or parameters are wrong; all of them are told.
        SourceError: What it reads cannot be opened or understood.
    """
    kind = class_of(module)
    told = [sentence for _, sentence in problems_with(module, parameters)]
    if told:
        raise ScenarioError(f"{SOURCES.get(module, module)}: {'; '.join(told)}")
    if services is None:
        from segconnect.scenario.engine.services import Services

        services = Services()
    given = services
    find = credentials or (lambda name: given.connection({"connection": name}, "connection"))
    source: Source = kind(kind.OPTIONS(**parameters), Opening(base, given, find))
    return source
