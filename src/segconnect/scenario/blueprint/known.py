"""The modules that are known: by the id that blueprints use, with a short name for our YAML.

Ids, versions and kinds are those seen in exported blueprints; where an id was not seen in any it is
a guess, marked by `guess`. `segconnect:` is the prefix of modules that are ours alone.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from segconnect.scenario.blueprint import segmetrics
from segconnect.scenario.sources import LABELS, SOURCES


class Kind(StrEnum):
    """What a module does with bundles, in the words of the scenario builder."""

    TRIGGER = "trigger"
    LISTENER = "instant trigger"
    ACTION = "action"
    SEARCH = "search"
    TRANSFORMER = "transformer"
    ROUTER = "router"
    FEEDER = "iterator"
    AGGREGATOR = "aggregator"
    DIRECTIVE = "error handler"
    CONDITIONAL = "if-else"
    CONVERGER = "merge"
    RETURNER = "return"
    PLACEHOLDER = "placeholder"


class Known(NamedTuple):
    """A module that is known."""

    id: str
    short: str  # its name in our YAML
    label: str
    kind: Kind
    version: int = 1
    other_versions: tuple[int, ...] = ()  # read as the version above
    guess: bool = False  # whether no export shows the id


def _sources() -> list[Known]:
    return [Known(id_, short, LABELS[id_], Kind.TRIGGER) for id_, short in SOURCES.items()]


def _of_segmetrics() -> list[Known]:
    return [
        Known(id_, module.slug(), module.label, Kind.ACTION, guess=True)
        for id_, module in segmetrics.CANONICAL.items()
    ]


_A, _T, _S = Kind.ACTION, Kind.TRANSFORMER, Kind.SEARCH
_FLOW = [
    Known("builtin:BasicRouter", "router", "Router", Kind.ROUTER),
    Known("builtin:BasicIfElse", "if-else", "If-else", Kind.CONDITIONAL),
    Known("builtin:BasicMerge", "merge", "Merge", Kind.CONVERGER),
    Known("builtin:BasicFeeder", "iterator", "Iterator", Kind.FEEDER),
    Known("builtin:BasicAggregator", "array-aggregator", "Array aggregator", Kind.AGGREGATOR),
    Known("builtin:BasicRepeater", "repeater", "Repeater", Kind.FEEDER),
    Known("builtin:Ignore", "ignore", "Ignore", Kind.DIRECTIVE),
    Known("builtin:Resume", "resume", "Resume", Kind.DIRECTIVE),
    Known("builtin:Commit", "commit", "Commit", Kind.DIRECTIVE),
    Known("builtin:Rollback", "rollback", "Rollback", Kind.DIRECTIVE),
    Known("builtin:Break", "break", "Break", Kind.DIRECTIVE),
    Known("builtin:Noop", "do-nothing", "Do nothing", _T),
    Known("placeholder:Placeholder", "placeholder", "Placeholder", Kind.PLACEHOLDER),
]
_TOOLS = [
    Known("util:TextAggregator", "text-aggregator", "Text aggregator", Kind.AGGREGATOR),
    Known("util:FunctionAggregator2", "numeric-aggregator", "Numeric aggregator", Kind.AGGREGATOR),
    Known(
        "util:FunctionAggregator",
        "numeric-aggregator-1",
        "Numeric aggregator (first version)",
        Kind.AGGREGATOR,
        guess=True,
    ),
    Known("util:AggregateAggregator", "table-aggregator", "Table aggregator", Kind.AGGREGATOR),
    Known("util:SetVariable2", "set-variable", "Set variable", _T),
    Known("util:SetVariable", "set-variable-1", "Set variable (first version)", _T),
    Known("util:SetVariables", "set-variables", "Set multiple variables", _T),
    Known("util:GetVariable2", "get-variable", "Get variable", _T),
    Known("util:GetVariable", "get-variable-1", "Get variable (first version)", _T),
    Known("util:GetVariables", "get-variables", "Get multiple variables", _T),
    Known("util:FunctionIncrement", "increment", "Increment function", _T),
    Known("util:FunctionSleep", "sleep", "Sleep", _T),
    Known("util:Switcher", "switch", "Switch", _T),
    Known("util:ComposeTransformer", "compose", "Compose a string", _T),
    Known("util:BasicTrigger", "basic-trigger", "Basic trigger", Kind.TRIGGER),
]
_TEXT = [
    Known("regexp:Parser", "match-pattern", "Match pattern", _S),
    Known("regexp:AdvancedParser", "match-pattern-advanced", "Match pattern (advanced)", _S),
    Known("regexp:Replace", "replace", "Replace", _T),
    Known("regexp:GetElementsFromText", "get-elements", "Get elements from text", _S, guess=True),
    Known("regexp:HTMLToText", "html-to-text", "HTML to text", _T),
    Known("markdown:Compile", "markdown-to-html", "Markdown to HTML", _T, 2, (1,)),
    Known("json:ParseJSON", "parse-json", "Parse JSON", _S),
    Known("json:CreateJSON", "create-json", "Create JSON", _T),
    Known("json:TransformToJSON", "transform-to-json", "Transform to JSON", _T),
    Known("json:AggregateToJSON", "aggregate-to-json", "Aggregate to JSON", Kind.AGGREGATOR),
    Known("csv:ParseCSV", "parse-csv", "Parse CSV", _S),
    Known("csv:CreateCSV", "create-csv", "Create CSV", Kind.AGGREGATOR, guess=True),
    Known(
        "csv:CreateCSVAdvanced",
        "create-csv-advanced",
        "Create CSV (advanced)",
        Kind.AGGREGATOR,
        guess=True,
    ),
    Known("xml:ParseXML", "parse-xml", "Parse XML", _S),
    Known("xml:CreateXML", "create-xml", "Create XML", _T, guess=True),
]
_WEB = [
    Known("gateway:CustomWebHook", "webhook", "Custom webhook", Kind.LISTENER),
    Known("gateway:WebhookRespond", "webhook-response", "Webhook response", _A),
    Known("gateway:CustomMailHook", "mailhook", "Custom mailhook", Kind.LISTENER),
    Known("http:MakeRequest", "http", "Make a request", _A, 4),
    Known("http:ActionSendData", "http-request", "Make a request", _A, 3, (1, 2)),
    Known(
        "http:ActionSendDataAPIKeyAuth",
        "http-request-api-key",
        "Make an API key auth request",
        _A,
        3,
        (1, 2),
    ),
    Known(
        "http:ActionSendDataBasicAuth",
        "http-request-basic",
        "Make a basic auth request",
        _A,
        3,
        (1, 2),
    ),
    Known(
        "http:ActionSendDataOAuth",
        "http-request-oauth",
        "Make an OAuth 2.0 request",
        _A,
        3,
        (1, 2),
    ),
    Known("http:ActionGetFile", "http-file", "Get a file", _A, 3, (1, 2)),
    Known("http:DownloadFile", "http-download", "Download a file", _A, 4),
    Known("email:ActionSendEmail", "send-email", "Send an email", _A, 7, (1, 2, 3, 4, 5, 6)),
    Known("email:TriggerNewEmail", "watch-emails", "Watch emails", Kind.TRIGGER, 7, guess=True),
    Known("rss:ActionReadArticles", "read-rss", "Retrieve RSS feed items", _S, 4, (1, 2, 3)),
    Known(
        "rss:TriggerNewArticle", "watch-rss", "Watch RSS feed items", Kind.TRIGGER, 4, guess=True
    ),
]
_STORES = [
    Known("datastore:AddRecord", "datastore-add", "Add/replace a record", _A),
    Known("datastore:UpdateRecord", "datastore-update", "Update a record", _A),
    Known("datastore:GetRecord", "datastore-get", "Get a record", _A),
    Known("datastore:ExistRecord", "datastore-exists", "Check the existence of a record", _A),
    Known("datastore:SearchRecord", "datastore-search", "Search records", _S),
    Known("datastore:DeleteRecord", "datastore-delete", "Delete a record", _A, guess=True),
    Known(
        "datastore:DeleteAllRecords",
        "datastore-delete-all",
        "Delete all records",
        _A,
        guess=True,
    ),
    Known("datastore:CountRecords", "datastore-count", "Count records", _A, guess=True),
    Known(
        "scenario-service:StartSubscenario", "start-scenario", "Start a subscenario", _T, 2, (1,)
    ),
    Known("scenario-service:CallSubscenario", "call-scenario", "Call a subscenario", _A, 2, (1,)),
    Known("scenario-service:ReturnData", "return-data", "Return output", Kind.RETURNER, 2, (1,)),
    Known("scenario-service:NameExecution", "name-run", "Name a run", _T, guess=True),
]

KNOWN: Mapping[str, Known] = {
    each.id: each
    for each in (*_sources(), *_of_segmetrics(), *_FLOW, *_TOOLS, *_TEXT, *_WEB, *_STORES)
}
"""Every known module by its id."""

SHORT: Mapping[str, str] = {each.short: each.id for each in KNOWN.values()}
"""The id of each module by its name in our YAML."""

APPS = frozenset(id_.partition(":")[0] for id_ in KNOWN)
"""The apps whose modules are known one by one."""

FOREIGN = (
    "google-sheets:addRow",
    "google-sheets:watchRows",
    "google-sheets:updateRow",
    "google-sheets:filterRows",
    "google-sheets:getSheetContent",
    "telegram:SendReplyMessage",
    "gemini-ai:createACompletionGeminiPro",
    "openai-gpt-3:CreateCompletion",
    "openai-gpt-3:GenerateImage",
    "google-email:sendAnEmail",
    "google-email:ActionSendEmail",
    "google-email:triggerWatchNewEmails",
    "airtable:ActionCreateRecord",
    "airtable:ActionUpdateRecords",
    "airtable:ActionSearchRecords",
    "airtable:ActionGetRecord",
    "airtable:TriggerWatchRecords",
    "airtable:upsertRecord",
    "slack:CreateMessage",
    "slack:SearchMessages",
    "google-drive:uploadAFile",
    "linkedin:CreatePost",
    "google-docs:createADocumentFromTemplate",
    "google-docs:createADocument",
    "google-docs:exportADocument",
    "facebook-pages:CreatePost",
    "google-calendar:createAnEvent",
    "notion:createAPage",
    "notion:searchObjects1",
    "notion:updateADatabaseItem",
    "google-cloud-storage:objectsInsert",
    "google-forms:watchResponses",
    "discord:createMessage",
    "instagram-business:CreatePostPhoto",
)
"""Modules of other apps that exports use most; none of them runs here without a binding."""

INVENTED: Mapping[str, str] = {
    "builtin:BasicScheduler": "a schedule is no module; it is set beside the scenario",
    "builtin:Sleep": "util:FunctionSleep",
    "builtin:BasicFilter": "a filter is no module; it is the `filter` of the module after it",
    "builtin:BasicIterator": "builtin:BasicFeeder",
    "builtin:Iterator": "builtin:BasicFeeder",
    "builtin:Router": "builtin:BasicRouter",
    "builtin:Aggregator": "builtin:BasicAggregator",
    "builtin:ArrayAggregator": "builtin:BasicAggregator",
    "builtin:TextAggregator": "util:TextAggregator",
    "builtin:SetVariable": "util:SetVariable2",
    "builtin:ErrorHandler": "an error handler is no module; it is the `onerror` of another one",
    "http:MakeARequest": "http:MakeRequest",
    "http:Request": "http:MakeRequest",
    "webhook:CustomWebhook": "gateway:CustomWebHook",
    "webhooks:CustomWebhook": "gateway:CustomWebHook",
    "datastore:ActionAddRecord": "datastore:AddRecord",
}
"""Names that blueprints written by a language model use, and what is meant."""


def short_name(id_: str) -> str:
    """Answers a module's name in our YAML; an id that has none is itself."""
    known = KNOWN.get(id_)
    return id_ if known is None else known.short


def runnable() -> frozenset[str]:
    """Answers the ids of the modules that the engine runs."""
    from segconnect.scenario.engine import apps, registry  # they read this package, too

    assert apps.__all__  # reading it declares the modules
    return frozenset(registry.RUNNABLE)


def meant_by(id_: str) -> str | None:
    """Answers what a name that no app has stands for: an id, or a sentence; None for a real name.

    A name is taken for an invented one if it is known as such, or is a known module's name in
    another spelling or with another app before it.
    """
    if id_ in KNOWN or id_ in FOREIGN or segmetrics.resolve(id_) is not None:
        return None
    if id_ in INVENTED:
        return INVENTED[id_]
    for known in (*KNOWN, *FOREIGN):
        if _folded(known) == _folded(id_):
            return known
    app, _, name = id_.partition(":")
    if not name:
        return SHORT.get(id_)
    if app in ("tools", "tool", "flow-control", "flowcontrol", "core", "util", "builtin"):
        for each in (*_TOOLS, *_FLOW):
            if _folded(each.id.partition(":")[2]) == _folded(name):
                return each.id
    return None


def nearest(id_: str) -> str | None:
    """Answers the known module whose id is most like this one; None if none is like it."""
    by_folded = {_folded(known): known for known in (*KNOWN, *FOREIGN)}
    close = difflib.get_close_matches(_folded(id_), by_folded, n=1, cutoff=0.8)
    return by_folded[close[0]] if close else None


def _folded(id_: str) -> str:
    return re.sub(r"[^a-z0-9:]", "", id_.lower())
