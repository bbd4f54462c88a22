"""A request to the import API, and the answer to it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Address(NamedTuple):
    """Whose data a request is about: the account, and the integration within it."""

    account_id: str
    integration_id: str


_NOTHING: Mapping[str, str] = MappingProxyType({})


class Request(NamedTuple):
    """One call of the import API.

    `path` begins with a slash and is relative to the API root, such as
    https://import.segmetrics.io/api; `body` is sent as JSON, and None sends none.
    `endpoint` is the call within the integration ("POST contact"), or None where the path lies
    outside of it; such a request cannot travel in a batch.
    """

    method: str
    path: str
    label: str  # the module's, for messages
    body: Any = None
    endpoint: str | None = None
    idempotent: bool = False  # whether sending it twice is harmless
    query: Mapping[str, str] = _NOTHING
    headers: Mapping[str, str] = _NOTHING


class Answer(NamedTuple):
    """What came back: status, headers by lower-case name, and the body, read if it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any
