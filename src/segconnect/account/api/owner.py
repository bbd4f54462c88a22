"""What the owner of an account asks and sends with a key: the snippet, and expenses."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json

from segconnect.account.api.imports import HttpError
from segconnect.account.owner.access import Access
from segconnect.account.owner.tracking_settings import TrackingSettings
from segconnect.account.writing.committer import Committer
from segconnect.account.writing.work import Operation
from segconnect.wire.shape import ShapeError
from segconnect.wire.tracking import ExpenseShape

MAX_EXPENSES = 1_000_000  # bytes
MAX_LINES = 5_000


def snippet(account_id: str, settings: TrackingSettings, host: str) -> dict[str, Any]:
    """Answers what a site needs to be tracked, as the WordPress plugin asks for it.

    Args:
        account_id: The account.
        settings: What its owner has set.
        host: The host that the request came to, which serves the script where no other is set.
    """
    domain = settings.tracking_domain or host
    return {
        "status": "success",
        "account": account_id,
        "tracking-domain": domain,
        "snippet": (
            "<script>var _segq=_segq||[],_segs=_segs||{};"
            f"_segs.integration={to_json(account_id).decode()};</script>"
            f'<script async src="//{domain}/tag/{account_id}.js"></script>'
        ),
    }


async def keep_expenses(access: Access, body: bytes, committer: Committer) -> dict[str, Any]:
    """Keeps the expenses of a request, all or none.

    Raises:
        HttpError: A line cannot be used; every one is named by its number.
    """
    lines = _lines(body)
    operations, errors = [], []
    for number, line in enumerate(lines, 1):
        try:
            fields = ExpenseShape.read_object(line).given()
        except ShapeError as error:
            errors += [f"line {number}: {each}" for each in error.errors]
        else:
            operations.append(Operation("expense", access.account_pk, 0, fields))
    if errors:
        raise HttpError(400, *errors[:100])
    replies = await committer.submit_all(operations) if operations else []
    for status, told in replies:
        if status != 200:
            raise HttpError(status, *from_json(told)["errors"])
    return {"status": "success", "expenses": len(operations)}


def _lines(body: bytes) -> list[Any]:
    """Reads a form whose field `data` holds a JSON list, or the list itself."""
    text = body.strip()
    if text[:1] not in (b"[", b"{"):
        form = dict(parse_qsl(text.decode("utf-8", "replace")))
        text = form.get("data", "").encode()
    if not text:
        raise HttpError(400, "missing 'data' field: a JSON list of expenses")
    try:
        lines = from_json(text)
    except ValueError as error:
        raise HttpError(400, f"'data' field: is not JSON: {error}") from None
    if isinstance(lines, dict):
        lines = lines.get("data", [lines])
    if not isinstance(lines, list):
        raise HttpError(400, "'data' field: expected a list of expenses")
    if len(lines) > MAX_LINES:
        raise HttpError(413, f"{len(lines)} lines; at most {MAX_LINES} a request")
    return lines
