"""SegMetrics modules on the real account, e-mail to a server on this machine, data stores."""

from __future__ import annotations

import socketserver
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from segconnect.errors import RefusedError
from segconnect.modules import Module
from segconnect.scenario.engine import DataStores, Services, Status, run
from segconnect.wire.request import Address

if TYPE_CHECKING:
    from tests.conftest import Account


class InProcess:
    """A client whose network is a call of the account in this process."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def send(self, module: Module) -> Any:
        address, answer = Address(self.account.id, self.account.integration), None
        for request in module.requests(address):
            answer = self.account.request(request.method, f"/api{request.path}", request.body)
            if answer.status != 200:
                raise RefusedError(module.label, answer.body["errors"], answer.status)
        return answer.body if answer is not None else None


HOOK = {"id": 1, "module": "gateway:CustomWebHook"}


def test_a_webhook_sends_contacts_and_orders_to_the_account(account: Account) -> None:
    flow = [
        HOOK,
        {
            "id": 2,
            "module": "segmetrics:addUpdateAContact",
            "parameters": {"__IMTCONN__": 5},
            "mapper": {
                "email": "{{1.email}}",
                "firstName": "{{1.first}}",
                "status": "",
                "tags": ["{{1.tag}}"],
                "custom_fields": [{"key": "company", "value": "{{1.company}}"}],
            },
        },
        {"id": 3, "module": "builtin:BasicFeeder", "mapper": {"array": "{{1.lines}}"}},
        {
            "id": 4,
            "module": "builtin:BasicAggregator",
            "parameters": {"feeder": 3, "target": "5.items"},
            "mapper": {
                "product_id": "{{3.sku}}",
                "amount": "{{3.price * 100}}",
                "name": "{{3.sku}}",
            },
        },
        {
            "id": 5,
            "module": "segmetrics:createOrder",
            "parameters": {"__IMTCONN__": 5},
            "mapper": {
                "email": "{{1.email}}",
                "id": "{{1.order}}",
                "paid": '{{sum(map(1.lines; "price")) * 100}}',
                "amount": '{{sum(map(1.lines; "price")) * 100}}',
                "date_created": "03/01/2026 10:00",
                "items": "{{4.array}}",
            },
        },
    ]
    connections: list[str] = []

    def client_for(connection: str) -> InProcess:
        connections.append(connection)
        return InProcess(account)

    bundle = {
        "email": "Joey@Bloggs.com",
        "first": "Joey",
        "tag": "New",
        "company": "Acme",
        "order": 1042,
        "lines": [{"sku": "P1", "price": 12.5}, {"sku": "P2", "price": 3}],
    }
    result = run({"name": "shop", "flow": flow}, Services(client_for=client_for), given=[bundle])

    assert result.error is None
    assert result.total == 5
    assert connections == ["5", "5"]
    contact = account.contact("joey@bloggs.com", "tags")
    assert (contact["first_name"], [tag["name"] for tag in contact["tags"]]) == ("Joey", ["New"])
    assert account.rows("orders") == 1


def test_what_the_form_refuses_is_told_and_not_sent() -> None:
    flow = [HOOK, {"id": 2, "module": "segmetrics:addUpdateAContact", "mapper": {"emial": "a"}}]

    error = run({"name": "x", "flow": flow}, given=[{}]).error

    assert error is not None
    assert error.kind == "BundleValidationError"
    assert "'emial'" in error.message


def test_a_connection_that_is_bound_to_nothing_is_told() -> None:
    mapper = {"contact_id": "joey@bloggs.com"}
    flow = [{"id": 1, "module": "segmetrics:deleteAContact", "mapper": mapper}]

    error = run({"name": "x", "flow": flow}).error

    assert error is not None
    assert error.kind == "AccountValidationError"


# e-mail


class Smtp(socketserver.StreamRequestHandler):
    """As much of a mail server as one e-mail needs."""

    got: list[Any]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        recipients: list[str] = []
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(text.decode())
                self.got.append((recipients, "".join(lines)))
            if verb == "RCPT":
                recipients.append(line.partition(":")[2].strip("<> "))
            refused = verb == "RCPT" and "nobody" in line
            self.wfile.write(b"550 unknown\r\n" if refused else b"250 ok\r\n")


@pytest.fixture
def mailbox() -> Iterator[tuple[int, list[Any]]]:
    got: list[Any] = []
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Bound", (Smtp,), {"got": got}))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_address[1], got
    server.shutdown()
    server.server_close()
    thread.join()


def mail(port: int, **mapper: Any) -> Any:
    connection = {"host": "127.0.0.1", "port": port, "tls": "none", "from": "shop@bloggs.com"}
    flow = [
        {
            "id": 1,
            "module": "email:ActionSendEmail",
            "version": 7,
            "parameters": {"account": 3},
            "mapper": {
                "to": ["Ann <ann@bloggs.com>"],
                "subject": "Your\r\nBcc: x@y.z order",
                "contentType": "text",
                "text": "Thank you.",
                **mapper,
            },
        }
    ]
    return run({"name": "mail", "flow": flow}, Services(connections={"3": connection}), trace=True)


def test_an_email_is_sent_to_all_and_shows_no_blind_copies(mailbox: tuple[int, list[Any]]) -> None:
    port, got = mailbox

    result = mail(port, bcc=["boss@bloggs.com"], attachments=[{"filename": "a.txt", "data": "hi"}])

    assert result.error is None
    (recipients, text) = got[0]
    assert recipients == ["ann@bloggs.com", "boss@bloggs.com"]
    assert "boss@bloggs.com" not in text
    assert "Subject: Your Bcc: x@y.z order" in text
    assert "Thank you." in text
    assert 'filename="a.txt"' in text
    assert result.trace[0].output[0]["messageId"].endswith("@bloggs.com>")


def test_a_refused_recipient_is_an_error(mailbox: tuple[int, list[Any]]) -> None:
    error = mail(mailbox[0], to=["nobody@bloggs.com"]).error

    assert error.kind == "RuntimeError"
    assert "nobody@bloggs.com" in error.message


def test_a_mail_server_that_is_not_there_is_a_connection_error() -> None:
    assert mail(9).error.kind == "ConnectionError"


# data stores

ADD = {
    "id": 2,
    "module": "datastore:AddRecord",
    "parameters": {"datastore": 5},
    "mapper": {"key": "{{1.k}}", "data": {"n": "{{1.n}}"}, "overwrite": True},
}


def test_a_data_store_in_a_file_is_kept_and_others_see_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "stores.db"
    stores, others = DataStores(path), DataStores(path)
    seen: list[Any] = []

    def look(*_: Any) -> None:
        seen.append(others["5"].get("a"))

    flow = [HOOK, ADD, {"id": 3, "module": "x:Look"}]
    blueprint = {"name": "x", "flow": flow, "metadata": {"scenario": {"autoCommit": False}}}
    services = Services(data_stores=stores, bound={"x:Look": look})
    run(blueprint, services, given=[{"k": "a", "n": 1}])
    run({"name": "x", "flow": flow}, services, given=[{"k": "a", "n": 2}])

    assert seen == [None, {"n": 2}]
    assert others["5"].get("a") == {"n": 2}
    stores.close()
    others.close()


def test_a_run_that_is_killed_leaves_nothing_of_its_cycle(tmp_path: Path) -> None:
    stores = DataStores(tmp_path / "stores.db")

    def kill(*_: Any) -> None:
        raise KeyboardInterrupt

    blueprint = {
        "name": "x",
        "flow": [HOOK, ADD, {"id": 3, "module": "x:Kill"}],
        "metadata": {"scenario": {"autoCommit": False}},
    }
    with pytest.raises(KeyboardInterrupt):
        run(blueprint, Services(data_stores=stores, bound={"x:Kill": kill}), given=[{"k": "a"}])

    assert stores["5"].count() == 0
    services = Services(data_stores=stores)
    assert run({"name": "x", "flow": [HOOK, ADD]}, services, given=[{"k": "b"}]).total == 2
    stores.close()


@pytest.mark.parametrize("auto_commit", [True, False])
def test_what_cannot_be_committed_ends_the_run_and_disables_it(
    monkeypatch: pytest.MonkeyPatch, auto_commit: bool
) -> None:
    stores = DataStores()

    def fail() -> None:
        raise sqlite3.OperationalError("the disk is full")

    monkeypatch.setattr(stores, "commit", fail)
    blueprint = {
        "name": "x",
        "flow": [HOOK, ADD],
        "metadata": {"scenario": {"autoCommit": auto_commit}},
    }
    result = run(blueprint, Services(data_stores=stores), given=[{"k": "a"}])

    assert result.error is not None
    assert result.error.kind == "InconsistencyError"
    assert "the disk is full" in result.error.message
    assert (result.is_committed, result.disables) == (False, True)


@pytest.mark.parametrize("auto_commit", [True, False])
def test_runs_side_by_side_lose_no_record(tmp_path: Path, auto_commit: bool) -> None:
    stores = DataStores(tmp_path / "stores.db")
    blueprint = {
        "name": "x",
        "flow": [HOOK, ADD],
        "metadata": {"scenario": {"autoCommit": auto_commit}},
    }
    results: list[Any] = []

    def work(name: int) -> None:
        given = [{"k": f"{name}.{n}", "n": n} for n in range(50)]
        results.append(run(blueprint, Services(data_stores=stores), given=given).status)

    threads = [Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [Status.SUCCESS] * 4
    assert stores["5"].count() == 200
    stores.close()


def test_a_strict_structure_refuses_other_items() -> None:
    structure: list[dict[str, Any]] = [{"name": "n", "type": "number", "required": True}]
    stores = DataStores(structures={"5": structure}, strict=["5"])
    step = {
        **ADD,
        "mapper": {"key": "a", "data": {"n": "{{1.n}}", "x": "{{1.x}}"}, "overwrite": True},
    }

    def added(**bundle: Any) -> Any:
        return run(
            {"name": "x", "flow": [HOOK, step]}, Services(data_stores=stores), given=[bundle]
        )

    assert added(n="5").error is None
    assert stores["5"].get("a") == {"n": 5}
    assert "Unknown parameter 'x'." in added(n="5", x=1).error.message
    assert "required parameter 'n'" in added().error.message
