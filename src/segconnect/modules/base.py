"""What makes a class a module: its fields are the form, the call, the schema and the request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self, get_args, get_origin
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segconnect.errors import ConnectionSetupError, InvalidBundleError, UsageError, unknown_name
from segconnect.types import shown
from segconnect.wire.request import Address, Request

SEED = "the app guide"


class Option(StrEnum):
    """A choice of a select: what goes on the wire, and what the form shows."""

    label: str

    def __new__(cls, value: str, label: str) -> Self:
        option = str.__new__(cls, value)
        option._value_ = value
        option.label = label
        return option

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """Finds a choice by its label, or by its value in another case: "Month" is month."""
        text = str(value).strip().lower()
        return next((o for o in cls if text in (str(o.value).lower(), o.label.lower())), None)


class FieldFacts(NamedTuple):
    """What a form, a command and a reference page must know of a field, besides its type."""

    label: str
    help: str
    wire: str | None  # the name in the request's body; None: not part of it
    advanced: bool  # known to the API docs only
    mappable: bool  # whether a form lets it be mapped, or only selected
    source: str  # who says that the field exists
    flag: str | None  # the option of the command line, where a value can be given many times


def required(label: str, help: str, **facts: Any) -> Any:  # noqa: A002
    """Declares a field that must be given. The keywords are those of `optional`."""
    return Field(title=label, description=help, json_schema_extra=_facts(facts))


def optional(label: str, help: str, **facts: Any) -> Any:  # noqa: A002
    """Declares a field that may be left out.

    Args:
        label: The words that the form shows.
        help: One sentence for the form, the command and the reference.
        facts: `wire`, the wire's name where it differs, or None if the field is not sent;
            `advanced`, `mappable`, `source`, `flag`: see FieldFacts.
    """
    return Field(default=None, title=label, description=help, json_schema_extra=_facts(facts))


def _facts(facts: dict[str, Any]) -> dict[str, Any]:
    unknown = facts.keys() - {"wire", "advanced", "mappable", "source", "flag"}
    if unknown:
        raise TypeError(f"a field has no {', '.join(sorted(unknown))}")
    return facts


def filled(**values: Any) -> Mapping[str, Any]:
    """Declares the example of a module: its form, filled in."""
    return MappingProxyType(values)


class Collection(BaseModel):
    """Values that belong together, such as one line item of an order."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)

    one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()  # of each group, one must be given

    @classmethod
    @cache
    def facts(cls) -> dict[str, FieldFacts]:
        """Answers the facts of each field, in the order of the form."""
        answer = {}
        for name, info in cls.model_fields.items():
            extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
            answer[name] = FieldFacts(
                label=info.title or name,
                help=info.description or "",
                wire=extra.get("wire", name),  # type: ignore[arg-type]  # as _facts lets in
                advanced=bool(extra.get("advanced", False)),
                mappable=bool(extra.get("mappable", True)),
                source=str(extra.get("source", SEED)),
                flag=extra.get("flag"),  # type: ignore[arg-type]
            )
        return answer

    @classmethod
    def missing(cls, values: Mapping[str, Any]) -> list[str]:
        """Answers what is wrong where nothing of a group is given."""
        problems = []
        for group in cls.one_of:  # of every module that is sent: a loop, since all() takes longer
            for name in group:
                if values.get(name) is not None:
                    break
            else:
                labels = " or ".join(cls.facts()[name].label for name in group)
                problems.append(f"missing: give {labels}")
        return problems

    def on_the_wire(self) -> dict[str, Any]:
        """Answers the JSON object: what nobody gave is left out, an explicit None is null."""
        given, values = self.__pydantic_fields_set__, self.__dict__
        body = {}
        for name, wire in _wire_names(type(self)):
            if name in given:
                value = values[name]
                plain = value if type(value) in _PLAIN else _plain(value)
                if plain is not _BLANK:
                    body[wire] = plain
        return body


STEPS = (".", "..")
"""What a URL reads as a step within a path, even percent-encoded."""

_FIELD = re.compile(r"{(\w+)}")
_PLAIN = {str, int, float, type(None)}
_BLANK = object()  # the blank choice of a select: as if nobody had chosen


@cache
def _path_fields(path: str) -> list[str]:
    return _FIELD.findall(path)


@cache
def _wire_names(kind: type[Collection]) -> tuple[tuple[str, str], ...]:
    return tuple((name, f.wire) for name, f in kind.facts().items() if f.wire is not None)


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is list:  # most of what comes here; the checks below are slow
        return [item if type(item) in _PLAIN else _plain(item) for item in value]
    if kind is dict:
        return value.copy()  # plain already, and a truth is a truth: it is no flag of the API
    if isinstance(value, Option):
        return str.__str__(value) or _BLANK
    if isinstance(value, bool):
        return int(value)  # flags are 0 and 1 in the API docs
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Collection):
        return value.on_the_wire()
    if isinstance(value, Mapping):
        return dict(value)  # plain already, and a truth is a truth: it is no flag of the API
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


class Module(Collection):
    """One thing that can be done to an account. See `segconnect.modules` for the list.

    Raises:
        InvalidBundleError: The values do not fit; every problem is told at once, by label.
    """

    label: ClassVar[str]
    group: ClassVar[str]
    endpoint: ClassVar[str]
    idempotent: ClassVar[bool] = True
    advanced: ClassVar[bool] = False  # beyond the app guide
    example: ClassVar[Mapping[str, Any]]  # of the reference; it is run by the tests
    keyed_by: ClassVar[tuple[str, ...]] = ("contact_id", "email")

    def __init__(self, /, **values: Any) -> None:
        problems = self.missing(values)
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems += [_problem(type(self), e) for e in error.errors()]
        else:
            problems += self._path_problems() + self.check()
        if problems:
            raise InvalidBundleError(self.label, problems)

    def check(self) -> list[str]:
        """Answers what is wrong between fields that are each well by themselves."""
        return []

    def _path_problems(self) -> list[str]:
        """Refuses an ID that would be a step of a path, and so name another call."""
        names = _path_fields(self.endpoint)
        return names and [
            f"{self.facts()[name].label}: {value!r} cannot be part of a URL"
            for name in names
            if (value := getattr(self, name)) in STEPS
        ]

    @classmethod
    def slug(cls) -> str:
        """Answers the module's name on the command line and in scenarios: add-update-contact."""
        return _kebab(cls.label)

    def keys(self) -> tuple[str, ...]:
        """Answers what the request is about; requests that share a key keep their order."""
        return tuple(
            f"{name}:{value}"
            for name in self.keyed_by
            if (value := self.__dict__.get(name)) is not None
        )

    def requests(self, address: Address) -> list[Request]:
        """Answers what to send, in order; nearly always one request."""
        names = _path_fields(self.endpoint)
        if not names:
            return [self.request(address, self.on_the_wire())]
        fields = {name: quote(getattr(self, name), safe="") for name in names}
        endpoint = self.endpoint.format(**fields)
        method, path = _call(endpoint)
        path = f"{_root(address)}/{path}"
        return [Request(method, path, self.label, None, endpoint, self.idempotent)]

    def request(self, address: Address, body: Any) -> Request:
        """Answers a request to this module's endpoint."""
        method, path, label, endpoint, is_idempotent = _head(type(self), address)
        return Request(method, path, label, body, endpoint, is_idempotent)


@cache
def _head(module: type[Module], address: Address) -> tuple[str, str, str, str, bool]:
    method, path = _call(module.endpoint)
    path = f"{_root(address)}/{path}"
    return method, path, module.label, module.endpoint, module.idempotent


def _call(endpoint: str) -> tuple[str, str]:
    method, _, path = endpoint.partition(" ")
    return method, path


@cache
def _root(address: Address) -> str:
    for name, value in zip(("account", "integration"), address, strict=True):
        if not value or value in STEPS:
            raise ConnectionSetupError(
                f"{value!r} is not an {name} ID; save the connection with the one that it has"
            )
    return f"/v1/{quote(address.account_id, safe='')}/{quote(address.integration_id, safe='')}"


def _problem(module: type[Module], error: Any) -> str:
    """Says one of pydantic's errors in the words of the form."""
    place: list[str] = []
    kind: Any = module
    for step in error["loc"]:
        if kind is dict:
            place += [str(step)] if step != "[key]" else []
        elif isinstance(step, int):
            place.append(str(step + 1))
        elif kind is not None and step in kind.facts():
            place.append(kind.facts()[step].label)
            kind = part_of(kind, step)
        elif error["type"] == "extra_forbidden" and step == error["loc"][-1]:
            return f"{' '.join([*place, ''])}{unknown_name('field', str(step), kind.facts())}"
        elif step not in BRANCHES:
            place.append(str(step))
    what = _WORDS.get(error["type"])
    if what is None:
        what = str(error["msg"]).removeprefix("Value error, ")
    elif "{" in what:
        what = what.format(value=shown(error["input"]), **error.get("ctx", {}))
    return f"{' '.join(place)}: {what}" if place else what


_WORDS = {
    "missing": "missing",
    "enum": "{value} is not one of {expected}",
    "string_type": "{value} is not a text",
    "bool_parsing": "{value} is neither true nor false",
    "bool_type": "{value} is neither true nor false",
    "int_parsing": "{value} is not a whole number",
    "int_type": "{value} is not a whole number",
    "int_from_float": "{value} is not a whole number",
    "float_parsing": "{value} is not a number",
    "float_type": "{value} is not a number",
    "list_type": "{value} is not a list",
    "too_short": "is empty; give at least {min_length}",
    "finite_number": "{value} is not a number",
    "dict_type": "{value} is not a collection of keys and values",
    "model_type": "{value} is not a collection",
    "greater_than_equal": "{value} is less than {ge}",
    "less_than_equal": "{value} is more than {le}",
    "string_too_long": "is longer than {max_length} characters; it begins {value}",
}


BRANCHES = ("a reference", "a collection")
"""The names of a union's branches, which say nothing to a reader of an error."""


@cache
def part_of(kind: type[Collection], name: str) -> Any:
    """Finds what lies within a field: a collection such as LineItem in list[LineItem], or dict."""
    found: list[Any] = []

    def visit(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, Collection):
            found.append(annotation)
        if get_origin(annotation) is dict:
            found.append(dict)
        for argument in get_args(annotation):
            visit(argument)

    visit(kind.model_fields[name].annotation)
    return found[0] if found else None


def _kebab(label: str) -> str:
    words = re.findall(r"[a-z0-9]+", label.lower())
    return "-".join(word for word in words if word not in ("a", "an", "the"))


class Registry:
    """The modules by name, in the order of the app guide."""

    def __init__(self, modules: list[type[Module]]) -> None:
        self._modules = {module.slug(): module for module in modules}

    def __iter__(self) -> Iterator[type[Module]]:
        return iter(self._modules.values())

    def __len__(self) -> int:
        return len(self._modules)

    def __getitem__(self, name: str) -> type[Module]:
        """Finds a module by its name or label, with or without articles.

        Raises:
            UsageError: There is none of that name.
        """
        module = self._modules.get(_kebab(name))
        if module is None:
            raise UsageError(unknown_name("module", name, self._modules))
        return module
