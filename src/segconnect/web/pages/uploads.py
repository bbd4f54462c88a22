"""A scenario from an uploaded file: what it is, what it comes to, and loading it."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from segconnect.account.owner import access
from segconnect.connections import Connections
from segconnect.errors import SegconnectError, UsageError
from segconnect.recipes import Recipe, matches, named, nearest
from segconnect.recipes.loading import Loading, Preview, preview, settle
from segconnect.recipes.proposing import propose
from segconnect.scenario.journal import Takes, new_run
from segconnect.scenario.sources import open_source
from segconnect.web.house import House, back
from segconnect.web.pages import undo

MOST_BYTES = 512 * 1024 * 1024  # of an upload
PIECE = 1024 * 1024
FIRST = 10  # bundles that are shown
MOST_COLUMNS = 40
SCENARIO_SUFFIXES = (".yaml", ".yml")


class Undecided(Exception):  # noqa: N818  # it asks, and is no error
    """Something that a file does not say, and a person has to."""

    def __init__(self, name: str, question: str, choices: Mapping[str, str]) -> None:
        self.name, self.question, self.choices = name, question, choices
        super().__init__(question)


class Asked(NamedTuple):
    """A question of the form."""

    name: str
    question: str
    choices: Mapping[str, str]
    answer: str
    is_must: bool


class Found(NamedTuple):
    """What an uploaded file is, and what it comes to."""

    recipe: Recipe | None
    fitting: list[Recipe]
    asked: list[Asked]
    loading: Loading | None
    columns: list[str]
    rows: list[list[str]]
    preview: Preview | None
    told: str


async def take(house: House, request: Request) -> Response:
    """Keeps an uploaded file, and leads to what it is."""
    given = (await request.form()).get("export")
    if not isinstance(given, UploadFile) or not given.filename:
        raise UsageError("choose a file: an export of a shop, a mail tool or an ad platform")
    name = re.sub(r"[^\w.() -]", "_", Path(given.filename).name)[-100:].lstrip(".") or "file"
    token = secrets.token_hex(8)
    folder = _root(house) / token
    await asyncio.to_thread(folder.mkdir, parents=True)
    size = 0
    with (folder / name).open("wb") as file:
        while piece := await given.read(PIECE):
            size += len(piece)
            if size > MOST_BYTES:
                break
            await asyncio.to_thread(file.write, piece)
    if size > MOST_BYTES or not size:
        shutil.rmtree(folder)
        why = "is empty" if not size else f"is larger than {MOST_BYTES // 1024**2} MB"
        raise UsageError(f"{name} {why}; for large files, segconnect load {name}")
    await asyncio.to_thread(house.users.note, request.state.user, f"uploaded {name}")
    return back(f"/app/scenarios/upload/{token}")


async def show(house: House, request: Request) -> Response:
    """Shows what a file is, and the first requests; nothing is sent."""
    path = _path(house, request)
    given = dict(request.query_params)
    values = await asyncio.to_thread(_shown, house, path, given)
    return house.render(request, "upload.html", **values)


async def load(house: House, request: Request) -> Response:
    """Begins to load a file."""
    path = _path(house, request)
    form = {name: str(value) for name, value in (await request.form()).items()}
    run = await asyncio.to_thread(_load, house, path, form)
    await asyncio.to_thread(house.users.note, request.state.user, f"loads {path.name}")
    return back(f"/app/runs/{run}")


async def discard(house: House, request: Request) -> Response:
    """Deletes an uploaded file."""
    path = _path(house, request)
    folder, (aside, _) = path.parent, undo.uploads(house)

    def remove() -> None:
        aside.mkdir(exist_ok=True)
        folder.rename(aside / folder.name)

    told = f"{path.name} is deleted; nothing of it was sent."
    return await undo.delete(
        house, request, "upload", path.name, {"token": folder.name}, remove,
        "/app/scenarios/new", told,
    )  # fmt: skip


def _root(house: House) -> Path:
    return house.settings.data.expanduser() / "uploads"


def _path(house: House, request: Request) -> Path:
    token = str(request.path_params["token"])
    folder = _root(house) / token
    if re.fullmatch("[0-9a-f]{16}", token) and folder.is_dir():
        for path in folder.iterdir():
            return path
    raise HTTPException(404, "The file is not here any more; upload it again.")


def _shown(house: House, path: Path, given: Mapping[str, str]) -> dict[str, Any]:
    kept = [each.name for each in Connections(house.settings).list() if each.account_id]
    connection = given.get("connection") or _fitting(house, path) or (kept[0] if kept else "")
    try:
        found = _found(house, path, given, connection)
    except SegconnectError as error:
        found = Found(None, [], [], None, [], [], None, str(error))
    proposal, near = "", []
    if found.recipe is None:
        try:
            near = list(nearest(path))
            proposal = propose(path)
        except SegconnectError as error:
            found = found._replace(told=found.told or str(error))
    answers = {name: value for name, value in given.items() if name != "connection"}
    return {
        "file": path.name,
        "token": path.parent.name,
        "size": path.stat().st_size,
        "found": found,
        "connections": kept,
        "connection": connection,
        "given": answers,
        "proposal": proposal,
        "near": near,
    }


def _fitting(house: House, path: Path) -> str:
    """A connection to an integration of the kind that the file is for; "" if there is none."""
    try:
        best = next(iter(matches(path)), None)
    except SegconnectError:  # which is told where it is looked at
        return ""
    kinds = {
        each["integration_id"]: each["kind"]
        for account in access.list_accounts(house.engine)
        for each in account["integrations"]
    }
    for each in Connections(house.settings).list():
        if best is not None and kinds.get(each.integration_id) == best.recipe.about.kind:
            return each.name
    return ""


def _found(house: House, path: Path, given: Mapping[str, str], connection: str) -> Found:
    fitting = [each.recipe for each in matches(path)]
    recipe = named(given["recipe"]) if given.get("recipe") else (fitting[0] if fitting else None)
    if recipe is None:
        return Found(None, [], [], None, [], [], None, "")
    answers = _answers(recipe, given)
    asked = [
        Asked(
            name,
            each.question,
            each.choices,
            answers.get(name, each.default or ""),
            each.default is None,
        )
        for name, each in recipe.about.ask.items()
    ]

    def ask(name: str, question: str, choices: Mapping[str, str]) -> str:
        raise Undecided(name, question, choices)

    try:
        loading = settle(path, recipe, answers, ask)
    except Undecided as open_:
        if all(each.name != open_.name for each in asked):
            asked.append(Asked(open_.name, open_.question, open_.choices, "", True))
        return Found(recipe, fitting, asked, None, [], [], None, "")
    asked += [
        Asked(name, recipe.options[name], {}, value, False)
        for name, value in answers.items()
        if name not in recipe.about.ask
    ]
    first = loading.document.blueprint.flow.nodes[0]
    source = open_source(first.module, first.parameters, path.parent)
    bundles = [each.values for each in islice(source.bundles(), FIRST) if each.error is None]
    columns = list(dict.fromkeys(key for each in bundles for key in each))[:MOST_COLUMNS]
    rows = [[_cell(each.get(column)) for column in columns] for each in bundles]
    seen = None
    if connection:
        scenario = loading.prepare(house.settings, connection)
        try:
            seen = preview(scenario, loading.inputs)
        finally:
            scenario.close()
    return Found(recipe, fitting, asked, loading, columns, rows, seen, "")


def _answers(recipe: Recipe, given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value and name in recipe.options}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    told = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return told if len(told) <= 80 else told[:79] + "…"


def _load(house: House, path: Path, given: Mapping[str, str]) -> str:
    connection = given.get("connection") or None
    if connection is None:
        raise UsageError("choose the connection that it is sent with")
    found = _found(house, path, given, connection)
    if found.loading is None or found.recipe is None:
        raise UsageError("something is still to be answered before it can be loaded")
    scenario = found.loading.prepare(house.settings, connection)
    try:
        scenario.check_connections(house.settings)
    finally:
        scenario.close()
    values = new_run(
        found.recipe.title,
        found.recipe.path.resolve(),
        "upload",
        document=json.dumps(found.loading.document.blueprint.raw),
        bindings="{}",
        inputs=json.dumps(found.loading.inputs),
        connection=connection,
        takes=Takes.SOURCE.value,
    )
    return house.journal.create(values)
