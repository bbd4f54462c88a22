"""The modules that run, one file for each app; reading this package declares them."""

from __future__ import annotations

from segconnect.scenario.engine.apps import (
    builtin,
    csv,
    datastore,
    email,
    files,
    gateway,
    http,
    json,
    mailbox,
    markdown,
    regexp,
    rss,
    scenario_service,
    segmetrics,
    util,
    xml,
)

__all__ = [
    "builtin",
    "csv",
    "datastore",
    "email",
    "files",
    "gateway",
    "http",
    "json",
    "mailbox",
    "markdown",
    "regexp",
    "rss",
    "scenario_service",
    "segmetrics",
    "util",
    "xml",
]
