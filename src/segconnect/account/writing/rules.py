"""All rules by which operations change the store, and how one is applied."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import to_json

from segconnect.account.writing import erasing, imports, tracking
from segconnect.account.writing.imports import Rule
from segconnect.account.writing.work import Operation, RefusalError, Work

RULES: Mapping[str, Rule] = {**imports.RULES, **tracking.RULES, "erase": erasing.erase}


def run(work: Work, operation: Operation) -> tuple[int, bytes]:
    """Applies one operation to the working set.

    Returns:
        The HTTP status and the JSON body to answer with, once the group is committed.
    """
    try:
        answer = RULES[operation.endpoint](work, operation)
    except RefusalError as refusal:
        return 400, to_json({"status": "error", "errors": refusal.errors})
    return 200, to_json({"status": "success", **answer})
