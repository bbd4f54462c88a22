"""Who is who: visitors, emails and contact ids that are one person, and why.

An identity is one of the three. A link says that two are one person, and why; a person is all
identities that links join, directly or over others. So what a person is depends on the links
alone, and not on their order: undoing a link, by hand or by the guard, gives what there would be
without it. Contacts of one email are one person without a link, whatever their integrations.

A device on which more emails were given than one person has is marked as shared: nothing is
credited by it any more, since a help desk's or a family's views are nobody's in particular. Who
knows better marks it by hand, or takes the mark back: then its links hold again, and it is not
marked by itself any more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Table

from segconnect.account.owner.tracking_settings import MAX_EMAILS
from segconnect.account.store import schema
from segconnect.account.store.transaction import Key, Row, Transaction

VISITOR, EMAIL, CONTACT = "visitor", "email", "contact"
SHARED = "shared device"


class Wanted(NamedTuple):
    """A link to be made at the end of the group."""

    one: Row
    other: Row
    reason: str
    who: str | None  # did it by hand, which makes again what was undone


class Renamed(NamedTuple):
    """A contact that has an id or email that it did not have before."""

    moment: int  # within the group
    account_pk: int
    contact_id: str
    email: str | None
    old_email: str | None


def uid_of(account_pk: int, contact_id: str | None, email: str | None) -> str:
    """The uid of somebody who came without one: the same for the same id, else email."""
    text = f"{account_pk}:{f'c:{contact_id}' if contact_id else f'e:{email}'}"
    return "u" + blake2b(text.encode(), digest_size=10).hexdigest()


class People:
    """The identities that one group looks at, and what it changes about them."""

    def __init__(
        self, transaction: Transaction, new_pk: Callable[[str], int], now: int
    ) -> None:  # fmt: skip
        self._transaction, self._new_pk, self._now = transaction, new_pk, now
        self._known: dict[Key, Row | None] = {}  # (account, kind, value)
        self._by_pk: dict[int, Row] = {}
        self._born: dict[Key, int] = {}  # when in the group those that are new were made
        self._moment = 0
        self._renamed: list[Renamed] = []
        self._wanted: list[Wanted] = []
        self._undone: list[tuple[Row, str, str]] = []  # links, why, and who did it
        self._marked: list[Row] = []  # devices, by hand
        self._limits: dict[int, int] = {}  # emails that a device may have, by account
        self.dirty: dict[str, dict[int, Row]] = {"identities": {}, "links": {}, "devices": {}}

    # -- the rules' side -------------------------------------------------------------------------

    def load(self, keys: Iterable[Key]) -> None:
        """Reads identities that the group will ask for."""
        wanted = sorted(set(keys) - self._known.keys())
        if wanted:
            self._known.update(dict.fromkeys(wanted))
            for row in self._select(("account_pk", "kind", "value"), wanted):
                self._known[row["account_pk"], row["kind"], row["value"]] = row

    def _select(self, columns: tuple[str, ...], keys: Collection[Key]) -> list[Row]:
        """Reads identities; of those that are known already, as they are in this group."""
        found = self._rows(schema.identities, columns, keys)
        return [self._by_pk.setdefault(row["pk"], row) for row in found]

    def _rows(self, table: Table, columns: tuple[str, ...], keys: Collection[Key]) -> list[Row]:
        return self._transaction.select(table, columns, sorted(keys)) if keys else []

    def find(self, account_pk: int, kind: str, value: str) -> Row | None:
        """Finds an identity."""
        key = (account_pk, kind, value)
        if key not in self._known:
            self.load([key])
        return self._known[key]

    def identity(self, account_pk: int, kind: str, value: str, seen: int | None = None) -> Row:
        """Finds an identity, or makes it: somebody who is not yet joined to anybody."""
        found = self.find(account_pk, kind, value)
        if found is not None:
            if seen is not None and seen < found["first_seen"]:
                found["first_seen"] = seen
                self.dirty["identities"][found["pk"]] = found
            return found
        pk = self._new_pk("identities")
        row = {
            "pk": pk,
            "account_pk": account_pk,
            "kind": kind,
            "value": value,
            "person": pk,
            "is_shared": False,
            "first_seen": self._now if seen is None else seen,
        }
        self._by_pk[pk] = self._known[account_pk, kind, value] = row
        self._moment += 1
        self._born[account_pk, kind, value] = self._moment
        self.dirty["identities"][pk] = row
        return row

    def link(self, one: Row, other: Row, reason: str, who: str | None = None) -> None:
        """Says that two identities are one person; who: did so by hand."""
        if one is not other:
            first, second = sorted(
                (one, other), key=lambda row: (row["kind"] != VISITOR, row["pk"])
            )
            self._wanted.append(Wanted(first, second, reason, who))

    def find_link(self, account_pk: int, pk: int) -> Row | None:
        """Finds a link by its number."""
        rows = self._rows(schema.links, ("pk",), [(pk,)])
        return next((row for row in rows if row["account_pk"] == account_pk), None)

    def undo(self, link: Row, reason: str, who: str) -> None:
        """Takes a link back."""
        self._undone.append((link, reason, who))

    def mark(self, visitor: Row, reason: str, who: str, *, is_shared: bool) -> None:
        """Says of a device that it is shared; or that it is one person's, whatever comes."""
        self._mark(visitor, reason, who, is_shared=is_shared)
        self._marked.append(visitor)

    def _mark(self, visitor: Row, reason: str, who: str | None, *, is_shared: bool) -> None:
        visitor["is_shared"] = is_shared
        pk = visitor["pk"]
        self.dirty["identities"][pk] = visitor
        self.dirty["devices"][pk] = {
            "identity_pk": pk,
            "account_pk": visitor["account_pk"],
            "is_shared": is_shared,
            "reason": reason,
            "who": who,
            "date_created": self._now,
        }

    def limit(self, account_pk: int, emails: int) -> None:
        """Says how many emails a device of an account may have before it is shared."""
        self._limits[account_pk] = emails

    def renamed(
        self, account_pk: int, contact_id: str, email: str | None, old_email: str | None = None
    ) -> None:
        """Notes that a contact has an id or email that it did not have before."""
        self._moment += 1
        self._renamed.append(Renamed(self._moment, account_pk, contact_id, email, old_email))

    # -- the end of the group --------------------------------------------------------------------

    def settle(self) -> None:
        """Makes and undoes links, and joins and parts people accordingly."""
        self._follow_contacts()
        if not self._wanted and not self._undone and not self._marked:
            return
        added = self._make() + self._give_back()
        self._load_ends(added)
        removed = [self._take_back(*undone) for undone in self._undone]
        removed += self._guard(added)
        self._relabel([link for link in added if link["undone_at"] is None], removed)

    def _follow_contacts(self) -> None:
        """Joins what contacts join: their id and their email, and an email with the one before."""
        if not self._renamed:
            return
        ids = {(each.account_pk, CONTACT, each.contact_id) for each in self._renamed if each.email}
        old = {(e.account_pk, EMAIL, e.old_email) for e in self._renamed if e.email and e.old_email}
        self.load(ids | old)
        for moment, account, contact_id, email, old_email in self._renamed:
            if email is None:
                continue
            for kind, value, reason in (
                (CONTACT, contact_id, "the contact's email"),
                (EMAIL, old_email, "the contact's new email"),
            ):
                key = (account, kind, value)
                known = self._known.get(key)
                if known is not None and self._born.get(key, 0) < moment:
                    self.link(known, self.identity(account, EMAIL, email), reason)

    def _make(self) -> list[Row]:
        """Makes the wanted links that there are not."""
        pairs = {(each.one["pk"], each.other["pk"]) for each in self._wanted}
        ends = ("one_pk", "other_pk")
        held = {
            (row["one_pk"], row["other_pk"]): row for row in self._rows(schema.links, ends, pairs)
        }
        added: dict[tuple[int, int], Row] = {}
        for one, other, reason, who in self._wanted:
            pair = (one["pk"], other["pk"])
            link = held.get(pair)
            if link is not None and (link["undone_at"] is None or who is None):
                continue
            link = {
                "pk": self._new_pk("links") if link is None else link["pk"],
                "account_pk": one["account_pk"],
                "one_pk": pair[0],
                "other_pk": pair[1],
                "reason": reason,
                "made_by": who,
                "date_created": self._now,
                **HOLDS,
            }
            held[pair] = added[pair] = link
            self.dirty["links"][link["pk"]] = link
        return list(added.values())

    def _give_back(self) -> list[Row]:
        """Lets hold again what was undone since a device was thought to be shared."""
        keys = {(visitor["pk"],) for visitor in self._marked if not visitor["is_shared"]}
        given = [
            {**link, **HOLDS}
            for link in self._rows(schema.links, ("one_pk",), keys)
            if link["undone_reason"] == SHARED and link["undone_by"] is None
        ]
        self.dirty["links"].update((link["pk"], link) for link in given)
        return given

    def _load_ends(self, added: list[Row]) -> None:
        links = [*added, *(link for link, *_ in self._undone)]
        ends = {link[end] for link in links for end in ("one_pk", "other_pk")}
        self._select(("pk",), {(pk,) for pk in ends - self._by_pk.keys()})

    def _take_back(self, link: Row, reason: str, who: str | None = None) -> Row:
        link = {**link, "undone_at": self._now, "undone_reason": reason, "undone_by": who}
        self.dirty["links"][link["pk"]] = link
        return link

    def _guard(self, added: list[Row]) -> list[Row]:
        """Marks devices that too many emails were given on, and takes back what they joined."""
        visitors = {
            link["one_pk"] for link in added if self._by_pk[link["one_pk"]]["kind"] == VISITOR
        }
        visitors.update(visitor["pk"] for visitor in self._marked)
        if not visitors:
            return []
        of_visitor: dict[int, dict[int, Row]] = defaultdict(dict)
        held = self._rows(schema.links, ("one_pk",), {(pk,) for pk in visitors})
        for link in (*held, *added):
            link = self.dirty["links"].get(link["pk"], link)
            if link["one_pk"] in visitors:
                of_visitor[link["one_pk"]][link["pk"]] = link
        self._load_ends([link for links in of_visitor.values() for link in links.values()])
        removed = []
        for pk, links in of_visitor.items():
            visitor = self._by_pk[pk]
            active = [link for link in links.values() if link["undone_at"] is None]
            kinds = Counter(self._by_pk[link["other_pk"]]["kind"] for link in active)
            limit = self._limits.get(visitor["account_pk"], MAX_EMAILS)
            too_many = max(kinds.values(), default=0) > limit
            if too_many and not visitor["is_shared"] and not self._is_trusted(pk):
                self._mark(visitor, f"more than {limit} emails", None, is_shared=True)
            if visitor["is_shared"]:
                removed += [self._take_back(link, SHARED) for link in active]
        gone = {link["pk"] for link in removed}
        added[:] = [link for link in added if link["pk"] not in gone]
        return removed

    def _is_trusted(self, pk: int) -> bool:
        """Whether somebody said of a device that it is one person's."""
        known = self.dirty["devices"].get(pk)
        marks = [known] if known else self._rows(schema.devices, ("identity_pk",), {(pk,)})
        return any(not mark["is_shared"] for mark in marks)

    def _relabel(self, added: list[Row], removed: list[Row]) -> None:
        """Gives each person that changed its name anew: the pk of one of its identities."""
        ends = {pk for link in (*added, *removed) for pk in (link["one_pk"], link["other_pk"])}
        names = {self._by_pk[pk]["person"] for pk in ends}
        if len(names) == 1 and not removed:
            return
        self._select(("person",), {(name,) for name in names})
        members = {pk: row for pk, row in self._by_pk.items() if row["person"] in names}
        if removed:
            joined = self._active_links(members, added)
        else:  # what is one person stays one
            joined = [(pk, row["person"]) for pk, row in members.items()]
            joined += [(link["one_pk"], link["other_pk"]) for link in added]
        for group in _groups(members, joined):
            held = Counter(members[pk]["person"] for pk in group if members[pk]["person"] in group)
            name = min(held, key=lambda name: (-held[name], name), default=min(group))
            for pk in group:
                if members[pk]["person"] != name:
                    members[pk]["person"] = name
                    self.dirty["identities"][pk] = members[pk]

    def _active_links(self, members: Collection[int], added: list[Row]) -> list[tuple[int, int]]:
        keys = [(pk,) for pk in sorted(members)]
        links = {
            link["pk"]: link
            for end in ("one_pk", "other_pk")
            for link in self._rows(schema.links, (end,), keys)
        }
        links.update({link["pk"]: link for link in added})
        links.update({pk: link for pk, link in self.dirty["links"].items() if pk in links})
        return [
            (link["one_pk"], link["other_pk"])
            for link in links.values()
            if link["undone_at"] is None
        ]


HOLDS: Row = {"undone_at": None, "undone_reason": None, "undone_by": None}


def _groups(members: Collection[int], joined: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Parts members into those that are joined, directly or over others."""
    neighbours: dict[int, list[int]] = defaultdict(list)
    for one, other in joined:
        neighbours[one].append(other)
        neighbours[other].append(one)
    left, groups = set(members), []
    while left:
        group, edge = set[int](), [left.pop()]
        while edge:
            pk = edge.pop()
            if pk not in group:
                group.add(pk)
                edge += neighbours[pk]
        left -= group
        groups.append(group)
    return groups


def keys_of(account_pk: int, fields: dict[str, Any]) -> Iterable[Key]:
    """The identities that a page view or an identification names."""
    contact_id, email = fields.get("contact_id"), fields.get("email")
    uid = fields.get("uid")
    if uid is None and (contact_id or email):
        uid = uid_of(account_pk, contact_id, email)
    for kind, value in ((VISITOR, uid), (EMAIL, email), (CONTACT, contact_id)):
        if value is not None:
            yield account_pk, kind, value
