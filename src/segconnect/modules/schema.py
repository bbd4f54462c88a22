"""A module's form and JSON Schema, read from its declaration.

The form is what a page, the command line and the reference draw. The schema is for programs that
check a bundle before they hand it over: what it accepts, the constructor accepts, but for days
that a month does not have and for what a module checks between its fields. The constructor is
more tolerant: it reads choices in any case, and values of Python.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import SecretStr

from segconnect.modules.base import SEED, Collection, Module, Option, part_of
from segconnect.modules.other import NamedRef, RelativeUrl
from segconnect.modules.tracking import Country, PageUrl, PostalCode
from segconnect.modules.values import (
    AS_LIST,
    Count,
    Figure,
    Json,
    Latitude,
    Longitude,
    Pairs,
    Port,
    Quantity,
    Scalar,
    Text,
)
from segconnect.types import MAX_CENTS, MAX_ID, Cents, Day, Email, Id, Moment
from segconnect.wire.shape import Name

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


class Input(StrEnum):
    """What a form draws for a field."""

    TEXT = "text"
    EMAIL = "email address"
    ID = "ID"
    NAME = "name"
    CENTS = "cents"
    MOMENT = "date and time"
    DAY = "day"
    YES_NO = "yes or no"
    WHOLE = "whole number"
    NUMBER = "number"
    SELECT = "select"
    PAIRS = "keys and values"
    COLLECTION = "collection"
    JSON = "JSON"
    SECRET = "secret"  # noqa: S105  # typed hidden, and never shown again


@dataclass(frozen=True, slots=True)
class FormField:
    """A field as forms show it."""

    name: str  # in Python, in scenarios and in JSON
    label: str
    help: str
    input: Input
    many: bool = False  # whether several can be given
    required: bool = False
    advanced: bool = False
    mappable: bool = True
    source: str = ""
    option: str = ""  # of the command line, with its dashes
    choices: tuple[tuple[str, str], ...] = ()  # of a select: what goes on the wire, what is shown
    fields: tuple[FormField, ...] = ()  # of a collection, or Key and Value
    minimum: float | None = None
    maximum: float | None = None

    def kind(self) -> str:
        """Says in a few words what can be given."""
        if self.choices:
            return " | ".join(label for _, label in self.choices)
        if self.input is Input.COLLECTION:
            return "many of " + ", ".join(f.label for f in self.fields if not f.advanced)
        if self.input is Input.NAME and self.fields:
            return "many names or IDs"
        return str(self.input)

    def options(self) -> list[str]:
        """Answers the options of the command line; a yes or no has one for each."""
        if self.input is Input.YES_NO and self.option:
            return [self.option, f"--no-{self.option.removeprefix('--')}"]
        return [self.option]

    def facts(self) -> dict[str, Any]:
        """Answers the field for programs; what does not apply to it is left out."""
        answer: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "help": self.help,
            "input": str(self.input),
            "many": self.many,
            "required": self.required,
            "advanced": self.advanced,
            "mappable": self.mappable,
            "source": self.source,
            "option": self.option,
            "choices": [{"value": value, "label": label} for value, label in self.choices],
            "fields": [field.facts() for field in self.fields],
            "minimum": self.minimum,
            "maximum": self.maximum,
        }
        return {name: fact for name, fact in answer.items() if fact not in (None, [], "")}


def describe(module: type[Module]) -> dict[str, Any]:
    """Answers all that is known of a module: its facts, its form, its JSON Schema."""
    return {
        "name": module.slug(),
        "label": module.label,
        "group": module.group,
        "help": explained(module),
        "advanced": module.advanced,
        "endpoint": module.endpoint or None,
        "idempotent": module.idempotent,
        "one_of": [list(group) for group in module.one_of],
        "fields": [field.facts() for field in form(module)],
        "example": dict(module.example),
        "schema": json_schema(module),
    }


def summary(module: type[Module]) -> str:
    """Answers the one line that says what a module does."""
    return explained(module).partition("\n")[0]


def explained(module: type[Module]) -> str:
    """Answers what a module does, each paragraph on one line."""
    paragraphs = (inspect.getdoc(module) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


@cache
def form(kind: type[Collection]) -> tuple[FormField, ...]:
    """Answers the fields of a module or collection, in the order of the form."""
    annotations = _annotations(kind)
    answer = []
    for name, facts in kind.facts().items():
        drawn = _drawn(annotations[name])
        option = facts.flag or name.replace("_", "-")
        answer.append(
            FormField(
                name=name,
                label=facts.label,
                help=facts.help,
                required=kind.model_fields[name].is_required(),
                advanced=facts.advanced,
                mappable=facts.mappable,
                source=facts.source,
                option=f"--{option}" if issubclass(kind, Module) else "",
                **drawn._asdict(),
            )
        )
    return tuple(answer)


def json_schema(kind: type[Collection]) -> Schema:
    """Answers the JSON Schema (draft 2020-12) of the values that a module is made from."""
    parts = {part.__name__: _object(part) for part in _parts(kind)}
    return {"$schema": DRAFT, **_object(kind), **({"$defs": parts} if parts else {})}


def _parts(kind: type[Collection]) -> list[type[Collection]]:
    found = (part_of(kind, name) for name in kind.model_fields)
    return list(dict.fromkeys(part for part in found if part not in (None, dict)))


def _annotations(kind: type[Collection]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Collection):
            answer |= inspect.get_annotations(base, eval_str=True)
    return answer


# -- the types of fields -------------------------------------------------------------------------

_CLOCK = (
    r"(?:[Tt]|\s+)(?:(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
    r"|(?:0?[1-9]|1[0-2]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?\s*[AaPp][Mm])"
    r"(?:\s*(?:Z|(?:GMT|UTC)?[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9]|GMT|UTC))?"
)
_M, _D, _Y = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12][0-9]|3[01])", r"[1-9][0-9]{3}"
_DATE = rf"^\s*(?:{_Y}-{_M}-{_D}|{_Y}/{_M}/{_D}|{_M}/{_D}/{_Y}|{_D}\.{_M}\.{_Y})(?:{_CLOCK})?\s*$"
_TRUTHS = "|".join(
    "".join(f"[{letter.upper()}{letter}]" for letter in word)
    for word in ("true", "false", "yes", "no", "on", "off", "t", "f", "y", "n")
)
_CONTROL = r"\u0000-\u001f\u007f-\u009f"
_DOTS = r"(?:\.|%(?:25)*2[Ee]){1,2}"  # steps within a path, however often they are encoded
_SLASH = r"(?:/|%(?:25)*2[Ff])"


def _number(kind: str, least: int, most: int, text: str) -> Schema:
    return {
        "anyOf": [
            {"type": kind, "minimum": least, "maximum": most},
            {"type": "string", "pattern": rf"^\s*(?:{text})\s*$"},
        ]
    }


_ID: Schema = {
    "anyOf": [
        {
            "type": "string",
            "maxLength": MAX_ID,
            "pattern": rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$",
        },
        {"type": "integer", "minimum": -MAX_CENTS, "maximum": MAX_CENTS},
    ]
}

_KINDS: tuple[tuple[Any, Input, Schema], ...] = (
    (  # it begins as Text does
        RelativeUrl,
        Input.TEXT,
        {
            "type": "string",
            "pattern": rf"^(?!//|@|[^/]*[:@])[^\s{_CONTROL}\\#]+$",
            "not": {"pattern": rf"(?:^|{_SLASH}){_DOTS}(?:$|\?|{_SLASH})|%(?:25)*(?:[01]|5[Cc])"},
        },
    ),
    (PageUrl, Input.TEXT, {"type": "string", "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}),
    (Country, Input.TEXT, {"type": "string", "pattern": r"^\s*(?:[A-Za-z]{2}\s*)?$"}),
    (PostalCode, Input.TEXT, {"type": "string", "maxLength": 32, "pattern": r"^[^\u0000]*$"}),
    (Text, Input.TEXT, {"type": "string", "pattern": r"^[^\u0000]*$"}),
    (
        Email,
        Input.EMAIL,
        {
            "type": "string",
            "format": "email",
            "maxLength": 254,
            "pattern": rf'^\s*[^@\s<>,;:"(){_CONTROL}]+@[^@\s<>,;:"(){_CONTROL}]+\s*$',
        },
    ),
    (Name, Input.NAME, _ID),  # it begins as Id does
    (Id, Input.ID, _ID),
    (Cents, Input.CENTS, _number("integer", -MAX_CENTS, MAX_CENTS, "[+-]?[0-9]{1,15}")),
    (Moment, Input.MOMENT, {"type": "string", "pattern": _DATE}),
    (Day, Input.DAY, {"type": "string", "pattern": _DATE}),
    (Count, Input.WHOLE, _number("integer", 1, 10_000, "[1-9][0-9]{0,3}")),
    (Quantity, Input.WHOLE, _number("integer", 1, 1_000_000, "[1-9][0-9]{0,5}")),
    (Port, Input.WHOLE, _number("integer", 1, 65535, "[1-9][0-9]{0,4}")),
    (Figure, Input.WHOLE, _number("integer", 0, MAX_CENTS, "0|[1-9][0-9]{0,14}")),
    (Latitude, Input.NUMBER, _number("number", -90, 90, r"-?[0-8]?[0-9](?:\.[0-9]+)?")),
    (
        Longitude,
        Input.NUMBER,
        _number("number", -180, 180, r"-?(?:1[0-7][0-9]|[0-9]{1,2})(?:\.[0-9]+)?"),
    ),
    (
        bool,
        Input.YES_NO,
        {
            "anyOf": [
                {"enum": [True, False, 0, 1]},
                {"type": "string", "pattern": f"^(?:{_TRUTHS}|0|1)$"},
            ]
        },
    ),
    (
        Scalar,
        Input.TEXT,
        {
            "anyOf": [
                {"type": ["boolean", "null"]},
                {"type": "string", "pattern": r"^[^\u0000]*$"},
                {"type": "number", "minimum": -MAX_CENTS, "maximum": MAX_CENTS},
            ]
        },
    ),
    (Json, Input.JSON, {}),
    (SecretStr, Input.SECRET, {"type": "string", "minLength": 1, "writeOnly": True}),
)


def _known(annotation: Any) -> tuple[Input, Schema] | None:
    for kind, shown_as, schema in _KINDS:
        if annotation == kind or (
            get_origin(annotation) is Annotated
            and get_origin(kind) is Annotated
            and annotation.__origin__ == kind.__origin__
            and annotation.__metadata__[: len(kind.__metadata__)] == kind.__metadata__
        ):
            return shown_as, schema
    return None


class _Drawn(NamedTuple):
    input: Input
    many: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    fields: tuple[FormField, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


_KEY_AND_VALUE = (
    FormField("key", "Key", "The key.", Input.TEXT, required=True, source=SEED),
    FormField("value", "Value", "The value.", Input.TEXT, source=SEED),
)


def _drawn(annotation: Any) -> _Drawn:
    """Finds what a field of this type is drawn as."""
    known = _known(annotation)
    if known is not None:
        shown_as, schema = known
        if shown_as in (Input.WHOLE, Input.NUMBER):
            number = schema["anyOf"][0]
            return _Drawn(shown_as, minimum=number["minimum"], maximum=number["maximum"])
        return _Drawn(shown_as)
    if annotation == Pairs:
        return _Drawn(Input.PAIRS, many=True, fields=_KEY_AND_VALUE)
    if get_origin(annotation) is Annotated:
        return _drawn(annotation.__origin__)
    if get_origin(annotation) is list:
        return _drawn(get_args(annotation)[0])._replace(many=True)
    if get_origin(annotation) in (Union, UnionType):
        drawn = [_drawn(each) for each in get_args(annotation) if each is not NoneType]
        return drawn[0]._replace(fields=next((d.fields for d in drawn if d.fields), ()))
    if issubclass(annotation, Option):
        return _Drawn(Input.SELECT, choices=tuple((str(o.value), o.label) for o in annotation))
    assert issubclass(annotation, Collection), f"{annotation} has no input; add it to _KINDS"
    return _Drawn(Input.COLLECTION, fields=form(annotation))


def _schema(annotation: Any) -> Schema:
    """Answers the schema of a type."""
    known = _known(annotation)
    if known is not None:
        return known[1]
    if annotation is NoneType:
        return {"type": "null"}
    if annotation == Pairs:
        return {
            "type": "object",
            "propertyNames": {"pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"},
            "additionalProperties": _schema(Scalar),
        }
    if annotation == NamedRef:
        return _any_of([_schema(annotation.__origin__), _schema(Id)])
    if get_origin(annotation) is Annotated and AS_LIST in annotation.__metadata__:
        (one,) = (_schema(each) for each in get_args(annotation.__origin__))
        least = [
            fact.min_length
            for each in annotation.__metadata__
            for fact in getattr(each, "metadata", ())
            if hasattr(fact, "min_length")
        ]
        bounds = {"minItems": max(least)} if least else {}
        return _any_of([{"type": "array", "items": one, **bounds}, one])
    if get_origin(annotation) is Annotated:
        return _schema(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return _any_of([_schema(each) for each in get_args(annotation)])
    if issubclass(annotation, Option):
        options = [text for o in annotation for text in (str(o.value), o.label)]
        return {"enum": list(dict.fromkeys(options))}
    return {"$ref": f"#/$defs/{annotation.__name__}"}


def _any_of(schemas: list[Schema]) -> Schema:
    return {
        "anyOf": [
            inner
            for each in schemas
            for inner in (each["anyOf"] if list(each) == ["anyOf"] else [each])
        ]
    }


def _object(kind: type[Collection]) -> Schema:
    annotations = _annotations(kind)
    fields = form(kind)
    schema: Schema = {
        "title": getattr(kind, "label", kind.__name__),
        "type": "object",
        "properties": {
            field.name: {
                "title": field.label,
                "description": field.help,
                **_schema(annotations[field.name]),
            }
            for field in fields
        },
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }
    if kind.one_of:
        schema["allOf"] = [
            {
                "anyOf": [
                    {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
                    for name in group
                ]
            }
            for group in kind.one_of
        ]
    return schema
