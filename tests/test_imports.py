"""An import goes down the house and never up, and never through the wall between its halves."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import segconnect

SOURCE = Path(str(segconnect.__file__)).parent

ROOMS = {
    # the cellar: imports nothing of ours but its own neighbours
    "errors": set(),
    "clock": set(),
    "types": set(),
    "nursery": set(),
    "settings": {"errors", "types"},
    "database": {"errors", "nursery"},
    # the words that both sides speak
    "wire": {"errors", "types"},
    # pure: what may be said, and how it is filled in
    "modules": {"errors", "types", "wire"},
    "mapping": {"clock", "errors", "types"},  # the clock where nobody says what time it is
    # one side: a SegMetrics server, which knows no scenario
    "account": {"clock", "database", "errors", "nursery", "settings", "types", "wire"},
}
"""Each room that has a floor, and what it may import of ours beside itself."""

ACCOUNT = (
    "api",
    "reference",
    "figures",
    "people",
    "export",
    "forecast",
    "reports",
    "replica",
    "metrics",
    "attribution",
    "writing",
    "owner",
    "channels",
    "store",
)
"""The rooms of the account, from the top down; its docstring says what lives in each."""

PURE = {"modules", "mapping", "wire", "types", "errors"}
"""Values in, values out: no socket, no database, no process, no waiting."""

IMPURE = {
    "asyncio",
    "http",
    "psycopg",
    "pyreqwest",
    "requests",
    "socket",
    "sqlalchemy",
    "sqlite3",
    "ssl",
    "starlette",
    "subprocess",
    "threading",
    "time",
    "urllib.request",
    "uvicorn",
}


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file it does so."""
    package = ".".join(["segconnect", *path.relative_to(SOURCE).with_suffix("").parts])
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: -node.level]
                base = ".".join([*up, base]).rstrip(".")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def files(room: str) -> list[Path]:
    """The files of a room: a package's, or the one module."""
    module = SOURCE / f"{room}.py"
    return [module] if module.exists() else sorted((SOURCE / room).rglob("*.py"))


def rooms(path: Path) -> set[str]:
    """The rooms that a file imports from."""
    names = {name.split(".")[1] for name in imported(path) if name.startswith("segconnect.")}
    return {name for name in names if name in {each.stem for each in SOURCE.iterdir()}}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_those_below_it(room: str) -> None:
    assert files(room)
    above = {
        str(path.relative_to(SOURCE)): sorted(rooms(path) - {room} - ROOMS[room])
        for path in files(room)
    }
    assert {path: names for path, names in above.items() if names} == {}


def test_the_account_has_no_loose_files_and_its_rooms_import_only_from_those_below() -> None:
    account = SOURCE / "account"
    found = {path.stem for path in account.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert found - {"__init__", "__pycache__"} == {*ACCOUNT}
    above = {
        f"{room}/{path.name}": sorted(
            other
            for other in ACCOUNT[:floor]
            if any(f"{name}.".startswith(f"segconnect.account.{other}.") for name in imported(path))
        )
        for floor, room in enumerate(ACCOUNT)
        for path in (account / room).rglob("*.py")
    }
    assert {path: names for path, names in above.items() if names} == {}


@pytest.mark.parametrize("room", sorted(PURE))
def test_a_pure_room_opens_no_door_to_the_world(room: str) -> None:
    opened = {
        str(path.relative_to(SOURCE)): sorted(
            name
            for name in imported(path)
            if any(name == each or name.startswith(f"{each}.") for each in IMPURE)
        )
        for path in files(room)
    }
    assert {path: names for path, names in opened.items() if names} == {}


def test_only_the_pages_and_the_command_line_know_both_sides_of_the_wall() -> None:
    other_side = {"scenario", "client", "transport", "connections", "delivery", "places", "units"}
    both = {
        path.relative_to(SOURCE).parts[0]
        for path in SOURCE.rglob("*.py")
        if "account" in rooms(path)
        and (rooms(path) | {path.relative_to(SOURCE).parts[0]}) & other_side
    }
    assert both <= {"cli", "web", "demo"}


def test_every_module_can_be_imported_and_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
    for room in ROOMS:
        import_module(f"segconnect.{room}")


def test_an_idle_server_holds_no_library_that_only_reports_need() -> None:
    program = "import sys, segconnect.account.api.app; print({'duckdb', 'numpy'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_no_source_file_is_longer_than_a_person_reads() -> None:
    lengths = {
        str(path.relative_to(SOURCE)): len(path.read_text().splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length >= 500} == {}
