"""Carries contacts, orders, subscriptions and ad spend to SegMetrics, hosted or your own.

    >>> import segconnect
    >>> segconnect.AddUpdateContact(email="Joey@Bloggs.com").email
    'joey@bloggs.com'

What a name stands for is imported when it is first used, so `import segconnect` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segconnect.client import AsyncClient as AsyncClient
    from segconnect.client import Client as Client
    from segconnect.connections import Connection as Connection
    from segconnect.connections import Connections as Connections
    from segconnect.errors import SegconnectError as SegconnectError
    from segconnect.limits import Limits as Limits
    from segconnect.modules import AddTagToContact as AddTagToContact
    from segconnect.modules import AddUpdateContact as AddUpdateContact
    from segconnect.modules import AddUpdateOrder as AddUpdateOrder
    from segconnect.modules import AddUpdateProduct as AddUpdateProduct
    from segconnect.modules import AddUpdateSubscription as AddUpdateSubscription
    from segconnect.modules import DeleteContact as DeleteContact
    from segconnect.modules import DeleteOrder as DeleteOrder
    from segconnect.modules import DeleteSubscription as DeleteSubscription
    from segconnect.modules import DeleteTag as DeleteTag
    from segconnect.modules import IdentifyVisitor as IdentifyVisitor
    from segconnect.modules import LineItem as LineItem
    from segconnect.modules import MakeApiCall as MakeApiCall
    from segconnect.modules import Named as Named
    from segconnect.modules import RecordAdPerformance as RecordAdPerformance
    from segconnect.modules import RecordPageView as RecordPageView
    from segconnect.modules import Tag as Tag
    from segconnect.units import Result as Result

_HOMES = {
    "client": ("AsyncClient", "Client"),
    "connections": ("Connection", "Connections"),
    "units": ("Result",),
    "errors": ("SegconnectError",),
    "limits": ("Limits",),
    "modules": (
        "AddTagToContact",
        "AddUpdateContact",
        "AddUpdateOrder",
        "AddUpdateProduct",
        "AddUpdateSubscription",
        "DeleteContact",
        "DeleteOrder",
        "DeleteSubscription",
        "DeleteTag",
        "LineItem",
        "MakeApiCall",
        "Named",
        "IdentifyVisitor",
        "RecordAdPerformance",
        "RecordPageView",
        "Tag",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
