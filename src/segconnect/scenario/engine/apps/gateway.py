"""Webhooks: what comes in, and what its caller is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segconnect.mapping import UnusableError
from segconnect.mapping.values import to_array, to_number, to_text
from segconnect.scenario.engine.errors import invalid
from segconnect.scenario.engine.registry import Bundle, Call, Kind, Parameters, Values, module
from segconnect.scenario.engine.state import Response

MAX_HEADERS = 16


@module("gateway:CustomWebHook", "gateway:CustomMailHook", kind=Kind.LISTENER)
def listen(call: Call, parameters: Parameters, values: Values) -> list[Bundle]:
    """Begins with what came in; by itself it has nothing."""
    return []


@module("gateway:WebhookRespond")
def respond(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Answers the caller of the webhook; of several answers in a run, the first is sent."""
    problems = []
    status = _status(values.get("status"))
    if status is None:
        problems.append("Invalid number in parameter 'status': 100 to 599.")
    headers = [
        (to_text(each.get("key", each.get("name"))), to_text(each.get("value")))
        for each in to_array(values.get("headers"))
        if isinstance(each, Mapping)
    ]
    if len(headers) > MAX_HEADERS:
        problems.append(f"Maximum number of items in parameter 'headers' is {MAX_HEADERS}.")
    if any(set("\r\n\0") & set(name + value) or not name for name, value in headers):
        problems.append("Invalid header in parameter 'headers'.")
    if problems:
        raise invalid(problems)
    body = values.get("body")
    if call.state.response is None:
        is_buffer = isinstance(body, (bytes, bytearray))
        call.state.response = Response(status or 200, body if is_buffer else to_text(body), headers)
    return {}


def _status(value: Any) -> int | None:
    try:
        number = 200 if value is None else to_number(value)
    except UnusableError:
        return None
    return number if isinstance(number, int) and 100 <= number <= 599 else None
