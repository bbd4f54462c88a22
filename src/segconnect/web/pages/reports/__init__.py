"""Reports: an explorer for every type, what is kept of it, and how programs ask the same."""

from segconnect.web.pages.reports.files import export
from segconnect.web.pages.reports.page import show
from segconnect.web.pages.reports.saving import forget, save

__all__ = ["export", "forget", "save", "show"]
