"""The channel of a visit: rules in a file, of which the first that fits decides.

`rules.yaml` beside this file holds the published ones. An account may have its own in their place.

Source: help page "channel categorization"; the order of precedence is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from segconnect.errors import UsageError, unknown_name
from segconnect.types import shown

PUBLISHED = Path(__file__).with_name("rules.yaml")
UNKNOWN = "unknown"  # the channel of a visit that no rule fits
CHANNELS = (
    "paid", "display", "affiliate", "email", "social", "search", "referral", "direct", "ai",
)  # fmt: skip
"""The eight published channels, and `ai`. A file of rules may name others."""

ORIGINS = ("none", "own", "other")  # referrers: none, the site itself, or another one
MAX_RULES_FILE = 200_000  # characters


class Match(NamedTuple):
    """A channel, and the rule that says so; None where no rule fits."""

    channel: str
    rule: str | None


class Visit(NamedTuple):
    """What the rules look at."""

    host: str
    arguments: Mapping[str, str]  # of the URL, by lower-case name, without empty ones
    referrer: str  # its host
    medium: str
    source: str
    ad_id: str


def visit(
    url: str,
    referrer: str | None = None,
    *,
    utm_medium: str | None = None,
    utm_source: str | None = None,
    ad_id: str | None = None,
) -> Visit:
    """Reads a visit. What is given by name goes before what the URL says."""
    parts = split(url)
    arguments = arguments_of(parts.query)
    return Visit(
        host=parts.host,
        arguments=arguments,
        referrer=split(referrer or "").host,
        medium=_folded(utm_medium or arguments.get("utm_medium", "")),
        source=_folded(utm_source or arguments.get("utm_source", "")),
        ad_id=ad_id or arguments.get("ad_id", ""),
    )


def arguments_of(query: str) -> dict[str, str]:
    """Reads the arguments of a query by lower-case name, without empty ones.

    A NUL character, which may be written as %00, is left out: no database keeps one in a text.
    """
    return {
        name.lower().replace("\0", ""): value.replace("\0", "") for name, value in parse_qsl(query)
    }


def _folded(text: str) -> str:
    return text.strip().lower()


class Parts(NamedTuple):
    """The parts of an address that matter here; the host in lower case, without its port."""

    is_secure: bool
    host: str
    path: str
    query: str


@lru_cache(maxsize=4000)  # one view asks for its own several times, and many have one referrer
def split(url: str) -> Parts:
    """Takes an address apart, with or without its scheme. What cannot be read has no host."""
    text = url.strip()
    if "://" not in text.partition("?")[0]:
        text = f"//{text.removeprefix('//')}"
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:  # such as a bracket that opens an IPv6 address
        return Parts(False, "", "", "")
    return Parts(parts.scheme != "http", host, parts.path or "/", parts.query)


# -- the file ------------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class When(_Strict):
    """What must be true of a visit, all of it. A name of a list stands for what it holds."""

    query: list[str] | None = Field(None, description="Any of these arguments is in the URL.")
    ad_id: bool | None = Field(None, description="There is an ad id, or there is none.")
    medium: list[str] | None = Field(None, description="utm_medium is one of these.")
    source: list[str] | None = Field(None, description="utm_source is one of these, or below one.")
    referrer: str | list[str] | None = Field(
        None, description="There is none, it is the site itself, another one, or one of these."
    )

    @field_validator("referrer", mode="before")
    @classmethod
    def is_a_word_or_hosts(cls, value: Any) -> Any:
        """Refuses a text that is none of the three words."""
        if isinstance(value, list) or value in ORIGINS:
            return value
        raise ValueError(f"expected {', '.join(ORIGINS)} or a list of hosts")


class Rule(_Strict):
    """One rule."""

    name: str = Field(min_length=1, max_length=100)
    channel: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")
    only: Literal["strict", "lenient"] | None = None
    when: When

    @field_validator("when")
    @classmethod
    def says_something(cls, when: When) -> When:
        """Refuses a rule that fits everything by oversight."""
        if all(value is None for value in when.__dict__.values()):
            raise ValueError(f"says nothing; give one of {', '.join(When.model_fields)}")
        return when


class RulesFile(_Strict):
    """The whole file."""

    strict: bool = False
    lists: dict[str, list[str]] = {}
    rules: list[Rule] = Field(min_length=1, max_length=500)

    def problems(self) -> Iterator[str]:
        """Answers what is wrong between its parts."""
        names = [rule.name for rule in self.rules]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                yield f"two rules are called {name!r}; rename one"
        for number, rule in enumerate(self.rules, 1):
            for key in ("query", "source", "referrer"):
                given = getattr(rule.when, key)
                for each in given if isinstance(given, list) else ():
                    if " " in each.strip() and each not in self.lists:
                        told = unknown_name("list", each, self.lists)
                        yield f"rule {number} ({rule.name}) when.{key}: {told}"


class Rules:
    """A file of rules, ready to be asked."""

    def __init__(self, file: RulesFile, text: str) -> None:
        self.strict, self.text = file.strict, text
        self.rules = file.rules
        self._tests = [
            _Test(rule, file.lists)
            for rule in file.rules
            if rule.only is None or (rule.only == "strict") == file.strict
        ]

    @classmethod
    def read(cls, text: str, place: str) -> Self:
        """Reads a file of rules.

        Args:
            text: What it holds.
            place: The file's name, for messages.

        Raises:
            UsageError: It is wrong; every place is named.
        """
        if len(text) > MAX_RULES_FILE:
            raise UsageError(f"{place}: is longer than {MAX_RULES_FILE} characters")
        try:
            raw = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(f"{place}: is not YAML: {' '.join(str(error).split())}") from None
        try:
            file = RulesFile.model_validate(raw)
        except ValidationError as error:
            told = "; ".join(_sentence(each, raw) for each in error.errors(include_url=False))
            raise UsageError(f"{place}: {told}") from None
        if problems := list(file.problems()):
            raise UsageError(f"{place}: {'; '.join(problems)}")
        return cls(file, text)

    def made_strict(self) -> Rules:
        """The same rules in strict mode."""
        raw = {**yaml.safe_load(self.text), "strict": True}
        return Rules(RulesFile.model_validate(raw), yaml.safe_dump(raw, sort_keys=False))

    def classify(self, visit: Visit, own_hosts: Iterable[str] = ()) -> Match:
        """Answers the channel of a visit.

        Args:
            visit: See the function `visit`.
            own_hosts: Further hosts of the same owner; those below them are, too.
        """
        origin = _origin(visit, own_hosts)
        for test in self._tests:
            if test.fits(visit, origin):
                return test.match
        return Match(UNKNOWN, None)


def _sentence(error: Any, raw: Any) -> str:
    """Says where in the file something is wrong; a rule by its number and name."""
    steps = [step for step in error["loc"] if step not in ("str", "list[str]")]
    place, fields = ".".join(map(str, steps)), RulesFile.model_fields
    if len(steps) > 1 and steps[0] == "rules":
        rule = raw["rules"][steps[1]]
        name = f" ({rule['name']})" if isinstance(rule, dict) and rule.get("name") else ""
        place = f"rule {int(steps[1]) + 1}{name} {'.'.join(map(str, steps[2:]))}".strip()
        fields = When.model_fields if "when" in steps[:-1] else Rule.model_fields
    if error["type"] == "extra_forbidden":
        return f"{place}: {unknown_name('key', str(steps[-1]), fields)}"
    found = "" if error["type"] == "missing" else f", found {shown(error['input'])}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{place or 'the file'}: {message[:1].lower()}{message[1:]}{found}"


# -- asking --------------------------------------------------------------------------------------


def _origin(visit: Visit, own_hosts: Iterable[str]) -> str:
    if not visit.referrer:
        return "none"
    bare = visit.referrer.removeprefix("www.")
    if bare == visit.host.removeprefix("www."):
        return "own"
    is_own = any(bare == own or bare.endswith(f".{own}") for own in own_hosts)
    return "own" if is_own else "other"


class _Test:
    """One rule, ready to be asked."""

    def __init__(self, rule: Rule, lists: Mapping[str, list[str]]) -> None:
        def filled(names: Sequence[str] | None) -> frozenset[str] | None:
            if names is None:
                return None
            return frozenset(
                _folded(each) for name in names for each in lists.get(name, [name])
            )  # fmt: skip

        when = rule.when
        self.match = Match(rule.channel, rule.name)
        self._query, self._medium = filled(when.query), filled(when.medium)
        self._ad_id = when.ad_id
        self._source = None if when.source is None else Hosts(filled(when.source) or ())
        self._origin = when.referrer if isinstance(when.referrer, str) else None
        listed = filled(when.referrer) if isinstance(when.referrer, list) else None
        self._referrer = None if listed is None else Hosts(listed)

    def fits(self, visit: Visit, origin: str) -> bool:
        """Tells whether all that the rule asks for is true."""
        return (
            (self._query is None or not self._query.isdisjoint(visit.arguments))
            and (self._ad_id is None or self._ad_id == bool(visit.ad_id))
            and (self._medium is None or visit.medium in self._medium)
            and (self._source is None or visit.source in self._source)
            and (self._origin is None or self._origin == origin)
            and (self._referrer is None or visit.referrer in self._referrer)
        )


class Hosts:
    """A list of hosts. One that is named stands for all below it, and google.* for any country."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name for name in names if not name.endswith(".*"))
        self._countries = frozenset(name[:-2] for name in names if name.endswith(".*"))

    def __contains__(self, host: object) -> bool:
        """Tells whether a host is in the list, or below one that is."""
        return isinstance(host, str) and bool(host) and any(map(self._holds, _ends(host)))

    def _holds(self, host: str) -> bool:
        if host in self._names:
            return True
        if not self._countries:
            return False
        match = COUNTRY.search(host)
        return match is not None and host[: match.start()] in self._countries


COUNTRY = re.compile(r"\.(?:com?|net|org|[a-z]{2}|co\.[a-z]{2}|com\.[a-z]{2})$")


def _ends(host: str) -> Iterator[str]:
    """A host and those that it is below: a.b.c, b.c, c."""
    yield host
    while "." in host:
        host = host.partition(".")[2]
        yield host


@cache
def published() -> Rules:
    """The published rules."""
    return Rules.read(PUBLISHED.read_text(encoding="utf-8"), "rules.yaml")


@lru_cache(maxsize=1000)
def compiled(text: str | None) -> Rules:
    """An account's own rules, which were checked when they were kept; None: the published ones."""
    return published() if text is None else Rules.read(text, "the account's channel rules")


def classify(
    url: str,
    referrer: str | None = None,
    *,
    rules: Rules | None = None,
    own_hosts: Iterable[str] = (),
    utm_medium: str | None = None,
    utm_source: str | None = None,
    ad_id: str | None = None,
) -> Match:
    """Answers the channel that a visit came by, and the rule that says so.

    Args:
        url: The page that was visited, with its query.
        referrer: Where the visitor came from; a URL or a host.
        rules: Those of an account; the published ones by default.
        own_hosts: Further hosts of the site's owner, from which a visit is direct.
        utm_medium: As the two below: where it is known apart from the URL.
        utm_source: See utm_medium.
        ad_id: See utm_medium.
    """
    seen = visit(url, referrer, utm_medium=utm_medium, utm_source=utm_source, ad_id=ad_id)
    return (rules or published()).classify(seen, own_hosts)
