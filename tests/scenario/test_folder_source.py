"""A folder that files are put into: what is new, what still grows, what was read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import ScenarioError, SourceError
from segconnect.scenario.bundle import SourceBundle
from segconnect.scenario.engine.services import Services
from segconnect.scenario.sources import open_source


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, text: str, minute: int = 0) -> Path:
    """Puts a file into a folder, dated some minutes after a moment long ago."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (1_700_000_000 + 60 * minute,) * 2)
    return path


def read(
    inbox: Path, after: Any = None, sleep: Callable[[float], None] = lambda _: None, **how: Any
) -> list[SourceBundle]:
    services = Services(sleep=sleep)
    source = open_source("folder", {"folder": "inbox", **how}, inbox.parent, services)
    return list(source.bundles(json.loads(json.dumps(after))))


def shown(found: list[SourceBundle]) -> list[str]:
    return [f"{each.place}: {each.values.get('id') or each.error}" for each in found]


def test_each_file_is_read_by_the_source_that_fits_it_the_oldest_first(inbox: Path) -> None:
    put(inbox, "b.csv", "id,x\n1,\n2,\n", 1)
    put(inbox, "a.json", '[{"id": 3}]', 2)
    put(inbox, ".hidden.csv", "id\n9\n")
    put(inbox, "~$b.xlsx", "")

    assert shown(read(inbox)) == ["b.csv, line 2: 1", "b.csv, line 3: 2", "a.json, item 1: 3"]


def test_a_later_run_reads_new_files_and_what_was_added_to_old_ones(inbox: Path) -> None:
    put(inbox, "a.csv", "id,x\n1,\n")
    put(inbox, "b.csv", "id,x\n2,\n", 1)
    after = read(inbox)[-1].cursor

    assert read(inbox, after) == []

    put(inbox, "a.csv", "id,x\n1,\n3,\n", 2)
    put(inbox, "b.csv", "id,x\n2,\n", 3)  # touched, but the same
    put(inbox, "c.csv", "id,x\n4,\n", 0)  # copied with its old date
    assert shown(read(inbox, after)) == ["c.csv, line 2: 4", "a.csv, line 3: 3"]


def test_a_file_that_still_grows_is_left_to_the_next_run(inbox: Path) -> None:
    put(inbox, "a.csv", "id,x\n1,\n")
    put(inbox, "b.csv", "id,x\n2,\n")

    def meanwhile(seconds: float) -> None:
        put(inbox, "b.csv", "id,x\n2,\n3,\n", 1)

    first = read(inbox, sleep=meanwhile)

    assert shown(first) == ["a.csv, line 2: 1"]
    assert shown(read(inbox, first[-1].cursor)) == ["b.csv, line 2: 2", "b.csv, line 3: 3"]


def test_what_cannot_be_read_is_told_once_and_again_when_it_has_changed(inbox: Path) -> None:
    put(inbox, "a.csv", "")
    put(inbox, "b.pdf", "x", 1)
    put(inbox, "c.csv", "id,x\n1,\n", 2)

    first = read(inbox, done_folder="done")

    assert shown(first) == [
        "a.csv, file 1: a.csv: the file is empty; expected a header and rows",
        "b.pdf, file 1: b.pdf: what reads it? Names end in .csv, .tsv, .tab, .txt, .json, .jsonl,"
        " .ndjson, .xlsx, .xlsm, .xlsb, .xls, .ods, .parquet, .pq",
        "c.csv, line 2: 1",
    ]
    assert sorted(path.name for path in inbox.iterdir()) == ["a.csv", "b.pdf"]
    put(inbox, "a.csv", "id,x\n2,\n", 5)
    assert shown(read(inbox, first[-1].cursor, done_folder="done")) == ["a.csv, line 2: 2"]


def test_a_file_that_was_read_is_moved_and_a_run_that_broke_off_finds_it_there(
    inbox: Path,
) -> None:
    put(inbox, "a.csv", "id,x\n1,\n2,\n")
    first, second = read(inbox, done_folder="done")
    put(inbox, "a.csv", "id,x\n3,\n", 1)  # another file of that name

    assert shown(read(inbox, second.cursor, done_folder="done")) == ["a.csv, line 2: 3"]
    assert sorted(path.name for path in (inbox.parent / "done").iterdir()) == [
        "a (2).csv",
        "a.csv",
    ]
    assert shown(read(inbox, first.cursor, done_folder="done")) == ["a.csv, line 3: 2"]


def test_a_pattern_chooses_files_and_one_source_can_read_them_all(inbox: Path) -> None:
    put(inbox, "a.dat", "id;x\n1;\n")
    put(inbox, "shop/b.dat", "id;x\n2;\n", 1)
    put(inbox, "c.csv", "id;x\n3;\n", 2)

    found = read(inbox, pattern="**/*.dat", read_with="csv", parameters={"delimiter": ";"})

    assert shown(found) == ["a.dat, line 2: 1", "shop/b.dat, line 2: 2"]


def test_what_is_wrong_with_the_parameters_is_told_at_once(inbox: Path) -> None:
    with pytest.raises(ScenarioError, match="unknown parameter 'delimeter'; did you mean"):
        read(inbox, read_with="csv", parameters={"delimeter": ";"})
    with pytest.raises(ScenarioError, match="a pattern stays within the folder"):
        read(inbox, pattern="../*.csv")
    with pytest.raises(SourceError, match="nowhere: is no folder"):
        read(inbox, folder="nowhere")


def test_progress_counts_the_bytes_of_all_files(inbox: Path) -> None:
    put(inbox, "a.csv", "id,x\n1,\n")
    put(inbox, "b.csv", "id,x\n2,\n", 1)
    source = open_source("folder", {"folder": "inbox", "settle_seconds": 0}, inbox.parent)

    seen = [source.progress() for _ in source.bundles()]

    assert [*seen, source.progress()] == [(8, 16), (16, 16), (16, 16)]
