"""What can be done to an account: the modules of the app guide, each one declaration.

A module's class is the form, the call, the JSON schema, the reference page and the request.
"""

from __future__ import annotations

from segconnect.modules.base import Module, Registry
from segconnect.modules.contacts import (
    AddTagToContact,
    AddUpdateContact,
    ContactStatus,
    DeleteContact,
    DeleteTag,
    Tag,
    UpdateBy,
)
from segconnect.modules.orders import AddUpdateOrder, AddUpdateProduct, DeleteOrder, LineItem
from segconnect.modules.other import MakeApiCall, Method, Named, RecordAdPerformance
from segconnect.modules.subscriptions import (
    AddUpdateSubscription,
    BillingCycle,
    DeleteSubscription,
)
from segconnect.modules.tracking import IdentifyVisitor, RecordPageView

MODULES = Registry(
    [
        AddUpdateContact,
        DeleteContact,
        AddTagToContact,
        DeleteTag,
        AddUpdateOrder,
        DeleteOrder,
        AddUpdateProduct,
        AddUpdateSubscription,
        DeleteSubscription,
        RecordAdPerformance,
        MakeApiCall,
        RecordPageView,
        IdentifyVisitor,
    ]
)

__all__ = [
    "MODULES",
    "AddTagToContact",
    "AddUpdateContact",
    "AddUpdateOrder",
    "AddUpdateProduct",
    "AddUpdateSubscription",
    "BillingCycle",
    "ContactStatus",
    "DeleteContact",
    "DeleteOrder",
    "DeleteSubscription",
    "DeleteTag",
    "IdentifyVisitor",
    "LineItem",
    "MakeApiCall",
    "Method",
    "Module",
    "Named",
    "RecordAdPerformance",
    "RecordPageView",
    "Tag",
    "UpdateBy",
]
