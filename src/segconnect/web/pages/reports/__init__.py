"""Reports: an explorer for every type, what is kept of it, and how programs ask the same."""

from segconnect.web.pages.reports.behind import behind
from segconnect.web.pages.reports.behind import export as export_behind
from segconnect.web.pages.reports.files import export
from segconnect.web.pages.reports.page import show
from segconnect.web.pages.reports.saving import change, listed, save
from segconnect.web.pages.reports.sharing import revoke, share, shared
from segconnect.web.pages.reports.values import values

__all__ = [
    "behind",
    "change",
    "export",
    "export_behind",
    "listed",
    "revoke",
    "save",
    "share",
    "shared",
    "show",
    "values",
]
