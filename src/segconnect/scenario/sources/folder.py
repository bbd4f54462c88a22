"""A folder that files are put into: each new or changed one is read by the source that fits it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import stat_result
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from segconnect.errors import ScenarioError, SegconnectError, SourceError
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.sources import Source, module_for, open_source, problems_with
from segconnect.scenario.sources.options import Cursor, Opening, Options, part

_Known = dict[str, list[Any]]  # by file: its size, its date in nanoseconds, its source's cursor


class FolderOptions(Options):
    """The parameters of a watched folder."""

    folder: str = Field(min_length=1, description="The folder, from where the scenario is.")
    pattern: str = Field(
        "*",
        min_length=1,
        description="Which files: *.csv, orders-*.json, **/*.xlsx for subfolders.",
    )
    read_with: Literal["csv", "json", "excel", "parquet"] | None = Field(
        None, description="The source that reads them; by the end of their names, if left out."
    )
    parameters: dict[str, Any] = Field(
        {}, description="The parameters of that source, such as group_rows_by: Name."
    )
    settle_seconds: float = Field(
        2,
        ge=0,
        description="A new file is read when its size stayed the same so long; one that still"
        " grows is left to the next run.",
    )
    done_folder: str | None = Field(
        None, description="The folder that a file is moved to after it was read."
    )

    @field_validator("pattern")
    @classmethod
    def _stays_within(cls, pattern: str) -> str:
        if ".." in Path(pattern).parts or Path(pattern).is_absolute():
            raise ValueError("a pattern stays within the folder; name another folder instead")
        return pattern


class FolderSource:
    """Gives the bundles of each file that is new or was changed, the oldest file first.

    A changed file is read as its source does: one that grew is read on. A file that cannot be read
    is one refused bundle, stays where it is, and is tried again when it has changed. Hidden files
    are not looked at, nor those that Excel keeps beside an open one.

    Which files were read is kept in the cursor, as long as they are in the folder: of a folder with
    many thousands of files, move them to a `done_folder`.

    Raises:
        SourceError: There is no such folder.
    """

    OPTIONS = FolderOptions
    PARAMETERS = FolderOptions.model_fields
    label = "Watched folder"

    def __init__(self, options: FolderOptions, opening: Opening) -> None:
        self.options, self._opening = options, opening
        self.path = opening.path(options.folder)
        self._done_path = opening.path(options.done_folder) if options.done_folder else None
        if options.read_with:
            given = {"file": "any", **options.parameters}
            told = [sentence for _, sentence in problems_with(options.read_with, given)]
            if told:
                raise ScenarioError(f"folder: {'; '.join(told)}")
        if not self.path.is_dir():
            raise SourceError(f"{self.path}: is no folder")
        self._read_bytes = self._all_bytes = self._file_bytes = 0
        self._source: Source | None = None

    def progress(self) -> tuple[int, int]:
        """Answers how many of the bytes of all files to be read were read."""
        done, total = self._source.progress() if self._source else (0, 0)
        of_file = self._file_bytes * done // total if total else 0
        return self._read_bytes + of_file, self._all_bytes

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives the bundles of one file after the other."""
        known: _Known = dict(part(after, "files", kind=dict)) if after else {}
        current: str | None = after.get("file") if after else None
        if after and current is not None:
            known[current] = [after.get("size"), after.get("date"), after.get("at")]
        there = self._files()
        files = self._to_read(there, known, current)
        known = {name: each for name, each in known.items() if name in there or name == current}
        self._all_bytes = sum(each.st_size for _, _, each in files)
        for name, path, status in files:
            place = known.pop(name, None)
            at: Cursor | None = place[2] if place else None
            entry: list[Any] = [status.st_size, status.st_mtime_ns, at]
            self._file_bytes = status.st_size
            try:
                self._source = self._open(path)
                for bundle in self._source.bundles(at):
                    entry = [*entry[:2], bundle.cursor]
                    yield self._passed_on(bundle, name, known, entry)
            except SegconnectError as error:
                known = {**known, name: entry}
                cursor = {"files": known, "file": None}
                yield SourceBundle({}, Place(name, 1, 1, "file"), error, cursor)
            else:
                known = {**known, name: entry}
                self._put_away(path, name)
            self._source = None
            self._read_bytes += status.st_size

    def _passed_on(
        self, bundle: SourceBundle, name: str, known: _Known, entry: list[Any]
    ) -> SourceBundle:
        size, date, at = entry
        cursor = {"files": known, "file": name, "size": size, "date": date, "at": at}
        place = bundle.place
        if "/" in name:  # in a subfolder
            place = Place(name, place.first, place.last, place.unit)
        return SourceBundle(bundle.values, place, bundle.error, cursor)

    def _open(self, path: Path) -> Source:
        module = self.options.read_with or module_for(path)
        given = {"file": str(path.absolute()), **self.options.parameters}
        opening = self._opening
        return open_source(module, given, opening.base, opening.services, opening.credentials)

    # -- files -----------------------------------------------------------------------------------

    def _files(self) -> dict[str, stat_result]:
        """Answers the files that fit the pattern, by their path within the folder."""
        found = {}
        for path in self.path.glob(self.options.pattern):
            name = path.relative_to(self.path)
            is_hidden = any(step.startswith((".", "~$")) for step in name.parts)
            is_done = self._done_path is not None and self._done_path in path.parents
            if not is_hidden and not is_done and path.is_file():
                found[name.as_posix()] = path.stat()
        return found

    def _to_read(
        self, there: Mapping[str, stat_result], known: _Known, current: str | None
    ) -> list[tuple[str, Path, stat_result]]:
        """Answers the files to read: the one that was begun, then the others by their date."""

        def is_read(name: str, status: stat_result) -> bool:
            return known.get(name, [])[:2] == [status.st_size, status.st_mtime_ns]

        fresh = {name: each for name, each in there.items() if not is_read(name, each)}
        if fresh and self.options.settle_seconds:
            self._opening.services.sleep(self.options.settle_seconds)
            now = self._files()
            fresh = {name: each for name, each in fresh.items() if _is_same(each, now.get(name))}
        by_date = sorted(fresh, key=lambda name: (fresh[name].st_mtime_ns, name))
        files = [(name, self.path / name, fresh[name]) for name in by_date if name != current]
        if current is None:
            return files
        begun = self.path / current if current in there else self._put_away_as(known, current)
        return files if begun is None else [(current, begun, begun.stat()), *files]

    def _put_away(self, path: Path, name: str) -> None:
        if self._done_path is None or path.is_relative_to(self._done_path):
            return
        target = self._done_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while target.exists():
            number += 1
            target = self._done_path / Path(name).with_stem(f"{Path(name).stem} ({number})")
        path.rename(target)

    def _put_away_as(self, known: _Known, name: str) -> Path | None:
        """Finds a file that was begun where it was moved before its bundles were done."""
        if self._done_path is None:
            return None
        folder = (self._done_path / name).parent
        size, date, _ = known[name]
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            status = path.stat()
            if path.suffix == Path(name).suffix and [status.st_size, status.st_mtime_ns] == [
                size,
                date,
            ]:
                return path
        return None

    # -- what is shown before use ----------------------------------------------------------------

    def found(self) -> Mapping[str, Any]:
        """Answers the files that fit the pattern."""
        return {"files": sorted(self._files())}


def _is_same(before: stat_result, now: stat_result | None) -> bool:
    if now is None:
        return False
    return (before.st_size, before.st_mtime_ns) == (now.st_size, now.st_mtime_ns)
