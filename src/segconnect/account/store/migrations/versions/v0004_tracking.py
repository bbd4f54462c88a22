"""Page views, and by what people are known."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "identities",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("account_pk", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=254), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index(
        "ux_identities_value", "identities", ["account_pk", "kind", "value"], unique=True
    )
    op.create_index("ix_identities_person", "identities", ["person"], unique=False)
    op.create_table(
        "links",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("account_pk", sa.BigInteger(), nullable=False),
        sa.Column("one_pk", sa.BigInteger(), nullable=False),
        sa.Column("other_pk", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("date_created", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("ux_links_ends", "links", ["one_pk", "other_pk"], unique=True)
    op.create_index("ix_links_other", "links", ["other_pk"], unique=False)
    op.create_index("ix_links_account", "links", ["account_pk", "pk"], unique=False)
    op.create_table(
        "page_views",
        sa.Column("visitor_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date_created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_pk", sa.BigInteger(), nullable=False),
        sa.Column("is_secure", sa.Boolean(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("referrer", sa.Text(), nullable=True),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("utm_source", sa.Text(), nullable=True),
        sa.Column("utm_medium", sa.Text(), nullable=True),
        sa.Column("utm_campaign", sa.Text(), nullable=True),
        sa.Column("utm_content", sa.Text(), nullable=True),
        sa.Column("utm_term", sa.Text(), nullable=True),
        sa.Column("ad_id", sa.String(length=191), nullable=True),
        sa.Column("device", sa.String(length=8), nullable=False),
        sa.Column("ip_address", sa.String(length=45), nullable=True),
        sa.Column("country_code", sa.String(length=2), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.String(length=32), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("visitor_pk", "date_created", "hit"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        for name in ("identities", "links"):
            op.execute(f"alter sequence {name}_pk_seq increment by 256")
