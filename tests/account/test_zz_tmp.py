import sqlite3, time
from sqlalchemy import event
from segconnect.account.store import sqlite
from segconnect.account.committer import apply
from segconnect.account.store.sqlite import SqliteStore
from segconnect.account.work import Operation
import shutil


def test_plans(account):
    if account.engine.dialect.name != "sqlite":
        return
    seen = []

    @event.listens_for(account.engine, "before_cursor_execute")
    def note(conn, cursor, statement, parameters, context, many):
        seen.append((statement, parameters))

    account.send("contact", {"contact_id": 42, "email": "a@x.no", "tags": ["A"]})
    account.order("1", contact_id=42)
    account.subscription("s", contact_id=42)
    account.contact("a@x.no", "tags,orders,subscriptions,events")
    account.request("GET", f"{account.root}/contact?email=a@x.no")
    account.request("GET", f"{account.root}/contact?contact_id=42")
    account.request("GET", f"{account.root}/contact")
    account.request("GET", f"/api/request")
    account.request("GET", f"{account.root}/contact/42")
    account.request("POST", f"{account.root}/contact", {}, {"authorization": "x"})
    event.remove(account.engine, "before_cursor_execute", note)
    with account.engine.connect() as c:
        for s, p in dict(seen).items():
            if s.startswith("SELECT"):
                plan = c.exec_driver_sql("explain query plan " + s, p).all()
                print(" ".join(s.split())[-160:])
                print("    ", [r[3] for r in plan])


def test_restart(tmp_path, migrated_sqlite, monkeypatch):
    shutil.copy(migrated_sqlite, tmp_path / "segconnect.db")
    monkeypatch.setattr(sqlite, "RESTART_PAGES", 10)
    monkeypatch.setattr(sqlite, "CHECKPOINT_COMMITS", 1)
    store = SqliteStore(tmp_path / "segconnect.db")
    reader = sqlite3.connect(tmp_path / "segconnect.db", isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from contacts").fetchall()
    worst = 0
    for i in range(60):
        t = time.monotonic()
        apply(store, [Operation("POST contact", 1, 1, {"contact_id": str(i)})])
        worst = max(worst, time.monotonic() - t)
        time.sleep(0.01)
        if worst > 5:
            break
    print("worst", worst)
    reader.close()
    store.close()
