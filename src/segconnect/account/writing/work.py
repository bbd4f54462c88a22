"""What one group of imports reads and changes: loaded at once, changed in memory, written at once.

A group is all requests that are committed together. The rules in `imports` see it as if each
request were alone, one after the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import count, groupby
from typing import Any, NamedTuple

from sqlalchemy import Table

from segconnect.account.store import schema
from segconnect.account.store.changes import KEYS, ChangeLog
from segconnect.account.store.transaction import BLOCK, Key, Moved, Row, Transaction
from segconnect.account.writing.identities import People, keys_of


class RefusalError(Exception):
    """An operation that the rules refuse, with the account's sentences; nothing was changed."""

    def __init__(self, *errors: str) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(errors))


class Operation(NamedTuple):
    """One import request after its shape was checked, on its way to the store."""

    endpoint: str  # "POST contact"
    account_pk: int
    integration_pk: int
    fields: dict[str, Any]  # what Shape.given answered, or {"id": ...} of a delete
    after: tuple[int, ...] = ()  # places, in what it comes with, of what must be done before it


def own_id(integration_pk: int, email: str) -> str:
    """The id of a contact of whom only the email is known; replays agree on it."""
    return "c" + blake2b(f"{integration_pk}:{email}".encode(), digest_size=10).hexdigest()


WAITING = (schema.orders, schema.subscriptions)


def working_sets(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Splits a group where contacts are deleted, and where people are joined or parted by hand.

    Who then gets what depends on rows that no operation names, and so on a store in which all
    that came before is written.
    """
    numbers = count(2)

    def part(each: Operation) -> int:
        by_hand = each.endpoint in BY_HAND
        return next(numbers) if by_hand else int(each.endpoint == "DELETE contact/{id}")

    for _, run in groupby(operations, part):
        yield list(run)


BY_HAND = {"merge", "split", "device", "erase"}


class Work:
    """A working set of one group: contacts are deleted in it, or other things are done."""

    def __init__(self, transaction: Transaction, now: int) -> None:
        self.transaction, self.now = transaction, now  # now: seconds UTC
        self.contacts: dict[int, Row] = {}
        self.contacts_by_id: dict[Key, list[Row]] = defaultdict(list)  # (account, contact_id)
        self.contacts_by_email: dict[Key, list[Row]] = defaultdict(list)  # (account, email)
        self.contact_tags: dict[int, dict[int, Row]] = {}  # by contact, then by tag
        self.tags: dict[int, Row] = {}
        self.tags_by_id: dict[Key, Row] = {}  # (integration, tag_id)
        self.tags_by_name: dict[Key, list[Row]] = defaultdict(list)  # (integration, name)
        self.owned: dict[str, dict[Key, Row]] = {"orders": {}, "subscriptions": {}}
        self.items: dict[int, list[Row]] = {}  # by order, where they were read or given
        self.named: dict[str, dict[Key, Row]] = defaultdict(dict)  # products, ads, ...
        self._dirty: dict[str, dict[Any, Row]] = defaultdict(dict)
        self._gone: list[Row] = []  # contacts
        self._waiting: dict[Key, list[tuple[str, Key]]] = defaultdict(list)  # (account, email)
        self._claims: dict[Key, Row] = {}  # (account, email): the first contact to have it
        self._moved: set[int] = set()  # contacts that are new, or whose id or email is
        self._rekeyed: dict[str, set[int]] = defaultdict(set)  # contacts, tags
        self._deleted: dict[str, set[int]] = defaultdict(set)  # orders, subscriptions
        self._untagged: set[Key] = set()
        self._reserved: dict[str, range] = {}
        self._accounts: dict[int, int] = {}  # the account of each integration
        self._log = ChangeLog()
        self._settings: dict[Key, str | None] = {}
        self.people = People(transaction, self.new_pk, now)

    # -- reading ---------------------------------------------------------------------------------

    def load(self, operations: Iterable[Operation]) -> None:
        """Reads whatever the operations may look at, in a few set-based questions."""
        ids, emails = set[Key](), set[Key]()
        alone = set[tuple[int, int, str]]()  # emails without an id: account, integration, email
        may_readdress = False
        tagged: list[Operation] = []
        owned: dict[str, set[Key]] = {"orders": set(), "subscriptions": set()}
        named: dict[str, set[Key]] = defaultdict(set)
        people = set[Key]()
        for operation in operations:
            endpoint, account, integration, fields, _ = operation
            self._accounts[integration] = account
            if endpoint == "DELETE contact/{id}":
                ids.add((account, fields["id"]))
                emails.add((account, fields["id"].lower()))
                continue
            if (contact_id := fields.get("contact_id")) is not None:
                ids.add((account, contact_id))
            if (email := fields.get("email")) is not None:
                emails.add((account, email))
                if endpoint == "POST contact":
                    if contact_id is None:
                        alone.add((account, integration, email))
                    else:
                        may_readdress = True
            if endpoint in TRACKED:
                people.update(keys_of(account, fields))
            elif fields.get("tags") is not None:
                tagged.append(operation)
            elif endpoint in OWNED:
                owned[OWNED[endpoint]].add((integration, fields["id"]))
            for table, key in _names(endpoint, fields):
                named[table].add((integration, key))
        self._load_contacts(ids, emails)
        if not may_readdress:
            alone = {key for key in alone if not self._has(*key)}
        self._load_contacts(
            {(account, own_id(integration, email)) for account, integration, email in alone}, set()
        )
        self._load_owned(owned)
        self.people.load(people)
        if tagged:
            self._load_tags(tagged)
        for name, keys in named.items():
            table = schema.metadata.tables[name]
            columns = tuple(column.name for column in table.primary_key)
            for row in self._select(table, columns, keys):
                self.named[name][tuple(row[column] for column in columns)] = row

    def _select(self, table: Table, columns: tuple[str, ...], keys: set[Key]) -> list[Row]:
        return self.transaction.select(table, columns, sorted(keys)) if keys else []

    def _has(self, account: int, integration: int, email: str) -> bool:
        rows = self.contacts_by_email.get((account, email), ())
        return any(row["integration_pk"] == integration for row in rows)

    def _load_contacts(self, ids: set[Key], emails: set[Key], pks: Iterable[Key] = ()) -> None:
        found = self._select(schema.contacts, ("account_pk", "contact_id"), ids)
        found += self._select(schema.contacts, ("account_pk", "email"), emails)
        found += self._select(schema.contacts, ("pk",), set(pks))
        for row in found:
            if row["pk"] not in self.contacts:
                self._index(row)

    def _load_owned(self, owned: dict[str, set[Key]]) -> None:
        """Reads orders and subscriptions, and whose they are."""
        owners = set[Key]()
        for name, keys in owned.items():
            table = schema.metadata.tables[name]
            id_column = ID_COLUMN[name]
            for row in self._select(table, ("integration_pk", id_column), keys):
                key = (row["integration_pk"], row[id_column])
                self.owned[name][key] = row
                if row["contact_pk"] is None:
                    self.wait(name, key)
                elif row["contact_pk"] not in self.contacts:
                    owners.add((row["contact_pk"],))
        self._load_contacts(set(), set(), owners)

    def _index(self, contact: Row) -> None:
        account = contact["account_pk"]
        self.contacts[contact["pk"]] = contact
        self.contacts_by_id[account, contact["contact_id"]].append(contact)
        if contact["email"] is not None:
            self.contacts_by_email[account, contact["email"]].append(contact)

    def _load_tags(self, operations: list[Operation]) -> None:
        ids, names = set[Key](), set[Key]()
        for operation in operations:
            for tag in operation.fields["tags"]:
                texts = [tag] if isinstance(tag, str) else [tag.get("id"), tag.get("name")]
                keys = {(operation.integration_pk, text) for text in texts if text is not None}
                ids |= keys
                names |= keys
        table = schema.tags
        for row in self._select(table, ("integration_pk", "tag_id"), ids):
            self._index_tag(row)
        for row in self._select(table, ("integration_pk", "name"), names):
            if row["pk"] not in self.tags:
                self._index_tag(row)
        contacts = {(pk,) for pk in self.contacts}
        self.contact_tags = {pk: {} for pk in self.contacts}
        for row in self._select(schema.contact_tags, ("contact_pk",), contacts):
            self.contact_tags[row["contact_pk"]][row["tag_pk"]] = row

    def _index_tag(self, tag: Row) -> None:
        self.tags[tag["pk"]] = tag
        self.tags_by_id[tag["integration_pk"], tag["tag_id"]] = tag
        self.tags_by_name[tag["integration_pk"], tag["name"]].append(tag)

    def tag_named(self, integration: int, name: str) -> Row | None:
        """Finds the tag of a name; the oldest, where names repeat."""
        tags = self.tags_by_name.get((integration, name), ())
        return min(tags, key=lambda tag: int(tag["pk"]), default=None)

    def setting(self, account: int, name: str) -> str | None:
        """Answers what the owner of an account has set under a name."""
        key = (account, name)
        if key not in self._settings:
            rows = self.transaction.select(
                schema.account_settings, ("account_pk", "name"), [key]
            )  # fmt: skip
            self._settings[key] = rows[0]["value"] if rows else None
        return self._settings[key]

    # -- changing --------------------------------------------------------------------------------

    def new_pk(self, name: str) -> int:
        """Answers a primary key that was never used; they are reserved in blocks."""
        block = self._reserved.get(name)
        if not block:
            first = self.transaction.reserve(name)
            block = range(first, first + BLOCK)
        self._reserved[name] = block[1:]
        return block[0]

    def dirty(self, table: str, key: Any, row: Row) -> None:
        """Marks a row to be written."""
        self._dirty[table][key] = row

    def add_contact(self, contact: Row) -> None:
        """Adds a contact, for which orders may be waiting."""
        self._index(contact)
        self.contact_tags[contact["pk"]] = {}
        self.dirty("contacts", contact["pk"], contact)
        self._moved.add(contact["pk"])
        self.people.renamed(contact["account_pk"], contact["contact_id"], contact["email"])
        self._claim(contact)

    def _claim(self, contact: Row) -> None:
        """Gives what waits for a contact's new email to it, here and in the store."""
        key = (contact["account_pk"], contact["email"])
        if contact["email"] is None:
            return
        self._claims.setdefault(
            key, {name: contact[name] for name in ("pk", "account_pk", "email")}
        )
        for name, owned in self._waiting.pop(key, ()):
            row = self.owned[name].get(owned)
            if row and row["contact_pk"] is None and row["email"] == contact["email"]:
                row["contact_pk"] = contact["pk"]
                self.dirty(name, row["pk"], row)

    def wait(self, name: str, key: Key) -> None:
        """Notes that an order or subscription waits for its email."""
        row = self.owned[name][key]
        self._waiting[row["account_pk"], row["email"]].append((name, key))

    def rekey(self, contact: Row, contact_id: str) -> None:
        """Gives a contact another id; all that belongs to it stays with it."""
        account = contact["account_pk"]
        self.contacts_by_id[account, contact["contact_id"]].remove(contact)
        contact["contact_id"] = contact_id
        self._moved.add(contact["pk"])
        self._rekeyed["contacts"].add(contact["pk"])
        self.contacts_by_id[account, contact_id].append(contact)
        self.people.renamed(account, contact_id, contact["email"])

    def readdress(self, contact: Row, email: str) -> None:
        """Gives a contact another email, for which orders may be waiting."""
        account = contact["account_pk"]
        if contact["email"] is not None:
            self.contacts_by_email[account, contact["email"]].remove(contact)
        self.people.renamed(account, contact["contact_id"], email, contact["email"])
        contact["email"] = email
        self._moved.add(contact["pk"])
        self.contacts_by_email[account, email].append(contact)
        self._claim(contact)

    def remove_contact(self, contact: Row) -> None:
        """Removes a contact; its orders and subscriptions stay."""
        pk, account = contact["pk"], contact["account_pk"]
        del self.contacts[pk]
        self.contacts_by_id[account, contact["contact_id"]].remove(contact)
        if contact["email"] is not None:
            self.contacts_by_email[account, contact["email"]].remove(contact)
        self._gone.append(contact)

    def add_tag(self, tag: Row) -> None:
        """Adds a tag to the integration."""
        self._index_tag(tag)
        self.dirty("tags", tag["pk"], tag)

    def change_tag(self, tag: Row, tag_id: str, name: str) -> None:
        """Gives a tag another id or name."""
        integration = tag["integration_pk"]
        self.tags_by_id.pop((integration, tag["tag_id"]), None)
        self.tags_by_name[integration, tag["name"]].remove(tag)
        if tag["tag_id"] != tag_id:
            self._rekeyed["tags"].add(tag["pk"])
        tag["tag_id"], tag["name"] = tag_id, name
        self.add_tag(tag)

    def apply_tag(self, contact: Row, tag: Row, when: int | None) -> None:
        """Tags a contact; a tag that it has keeps its date, unless another is given."""
        held = self.contact_tags[contact["pk"]]
        row = held.get(tag["pk"])
        if row is not None and (when is None or row["date_created"] == when):
            return
        date = self.now if when is None else when
        row = {"contact_pk": contact["pk"], "tag_pk": tag["pk"], "date_created": date}
        held[tag["pk"]] = row
        key = (contact["pk"], tag["pk"])
        self._untagged.discard(key)
        self.dirty("contact_tags", key, row)

    def remove_tag(self, contact: Row, tag_pk: int) -> None:
        """Takes a tag from a contact."""
        if self.contact_tags[contact["pk"]].pop(tag_pk, None) is not None:
            key = (contact["pk"], tag_pk)
            self._dirty["contact_tags"].pop(key, None)
            self._untagged.add(key)

    def remove_owned(self, name: str, key: Key) -> None:
        """Removes an order or subscription."""
        row = self.owned[name].pop(key)
        self._dirty[name].pop(row["pk"], None)
        self.items.pop(row["pk"], None)
        self._deleted[name].add(row["pk"])
        self._log.add(row["account_pk"], name, row["pk"])

    def erase(self, account_pk: int, name: str, pks: Sequence[int]) -> None:
        """Deletes rows at once, by that under which their changes are noted.

        For an operation that is alone in its working set: nothing else may know of the rows.
        """
        keys = [(pk,) for pk in sorted(pks)]
        if not keys:
            return
        if name == "orders":
            self.transaction.delete(schema.order_items, ("order_pk",), keys)
        self.transaction.delete(schema.metadata.tables[name], KEYS[name], keys)
        for pk in pks:
            self._log.add(account_pk, name, pk)

    # -- writing ---------------------------------------------------------------------------------

    def flush(self) -> None:
        """Writes every change of the group, and notes what it changed."""
        write = self.transaction
        moved: list[Moved] = []
        self.people.settle()
        for name, identities in self.people.dirty.items():
            self._dirty[name].update(identities)
        if self._gone:
            gone = [(contact["pk"],) for contact in self._gone]
            write.delete(schema.contact_tags, ("contact_pk",), gone)
            write.delete(schema.contacts, ("pk",), gone)
            for table in WAITING:
                moved += write.unlink(table, self._gone)
        if self._untagged:
            write.delete(schema.contact_tags, ("contact_pk", "tag_pk"), sorted(self._untagged))
        for name, deleted in self._deleted.items():
            keys = [(pk,) for pk in sorted(deleted)]
            write.delete(schema.metadata.tables[name], ("pk",), keys)
            if name == "orders":
                write.delete(schema.order_items, ("order_pk",), keys)
        if self.items:
            write.delete(schema.order_items, ("order_pk",), [(pk,) for pk in sorted(self.items)])
        if self._claims:  # before the rows of this group are written, which know better
            moved += write.link(WAITING, list(self._claims.values()))
        for name, pks in self._rekeyed.items():  # or two that swap their ids would collide
            write.delete(schema.metadata.tables[name], ("pk",), [(pk,) for pk in sorted(pks)])
        for name, rows in self._dirty.items():
            if name == "contacts":
                # Nearly all that comes is about contacts that are there: their indexes can rest.
                fresh = [row for pk, row in rows.items() if pk in self._moved]
                settled = [row for pk, row in rows.items() if pk not in self._moved]
                write.upsert(schema.contacts, fresh, settled)
            elif rows:
                write.upsert(schema.metadata.tables[name], list(rows.values()))
        if self.items:
            write.upsert(schema.order_items, [row for rows in self.items.values() for row in rows])
        self._note(moved)
        if entries := list(self._log.entries()):
            write.note(entries)

    def _note(self, moved: Iterable[Moved]) -> None:
        add = self._log.add
        for contact in self._gone:
            for name in ("contacts", "contact_tags"):
                add(contact["account_pk"], name, contact["pk"])
        for contact_pk, _ in self._untagged:
            add(self.contacts[contact_pk]["account_pk"], "contact_tags", contact_pk)
        for name, account, pk in moved:
            add(account, name, pk)
        for name, rows in self._dirty.items():
            for key, row in rows.items():
                if name == "contact_tags":
                    add(self.contacts[key[0]]["account_pk"], name, key[0])
                elif name == "page_views":
                    add(row["account_pk"], name, key[0])
                elif name in KEYS:
                    account = row.get("account_pk") or self._accounts[row["integration_pk"]]
                    add(account, name, key)


TRACKED = {"POST page_view", "POST identify", "hit"}
OWNED = {
    "POST invoice": "orders",
    "DELETE invoice/{id}": "orders",
    "POST subscription": "subscriptions",
    "DELETE subscription/{id}": "subscriptions",
}
ID_COLUMN = {"orders": "order_id", "subscriptions": "subscription_id"}


def _names(endpoint: str, fields: Row) -> Iterable[Key]:
    """The products, ads, ad sets and campaigns that an operation names: (table, id)."""
    if endpoint == "POST invoice":
        for item in fields["items"]:
            yield "products", item["product_id"]
    elif endpoint == "POST subscription":
        yield "products", fields["product_id"]
    elif endpoint == "POST product":
        yield "products", fields["id"]
    elif endpoint == "POST ad/performance":
        yield "ads", fields["ad"]["id"]
        for holder in (
            fields,
            fields["ad"],
            fields.get("adset") or {},
            fields["ad"].get("adset") or {},
        ):
            for name, table in (("adset", "adsets"), ("adcampaign", "adcampaigns")):
                if holder.get(name):
                    yield table, holder[name]["id"]
