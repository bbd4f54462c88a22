"""The tables of the pages: who may come in, and what was done. Milliseconds since 1970 UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

Id = String(32)
# SQLite numbers rows by itself only where the key is its own INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")

users = Table(
    "web_users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password", Text, nullable=False),  # argon2
    Column("role", String(8), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

sessions = Table(
    "web_sessions",
    metadata,
    Column("hash", String(64), primary_key=True),  # of the cookie's token
    Column("user_id", Id),  # None: the owner, by the address that was printed
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_web_sessions_user", "user_id"),
)

invitations = Table(
    "web_invitations",
    metadata,
    Column("hash", String(64), primary_key=True),  # of the link's token
    Column("email", String(254), nullable=False),
    Column("role", String(8), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

deleted = Table(
    "web_deleted",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("held", Text, nullable=False),  # a JSON object; secrets in it are sealed or hashed
    Column("who", Text, nullable=False),
    Column("deleted_at", BigInteger, nullable=False),
    Index("ix_web_deleted_at", "deleted_at"),
)

shares = Table(
    "web_shares",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),  # of the link's token
    Column("account_id", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("question", Text, nullable=False),  # as reports are kept
    Column("shared_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("opened_at", BigInteger),
)

audit = Table(
    "web_audit",
    metadata,
    Column("pk", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Index("ix_web_audit_at", "at"),
)
