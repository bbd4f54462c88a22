"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("contact_pk IS NULL")


def upgrade() -> None:
    """Creates the first tables."""
    op.create_table(
        "accounts",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("account_id", sa.String(length=191), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="USD", nullable=False),
        sa.Column("timezone", sa.String(length=64), server_default="UTC", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("account_id"),
    )
    op.create_table(
        "ad_performance",
        sa.Column("integration_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ad_id", sa.String(length=191), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("spend", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("integration_pk", "ad_id", "day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "adcampaigns",
        sa.Column("integration_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("adcampaign_id", sa.String(length=191), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("integration_pk", "adcampaign_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ads",
        sa.Column("integration_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ad_id", sa.String(length=191), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("adset_id", sa.String(length=191), nullable=True),
        sa.Column("adcampaign_id", sa.String(length=191), nullable=True),
        sa.PrimaryKeyConstraint("integration_pk", "ad_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "adsets",
        sa.Column("integration_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("adset_id", sa.String(length=191), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("adcampaign_id", sa.String(length=191), nullable=True),
        sa.PrimaryKeyConstraint("integration_pk", "adset_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contact_tags",
        sa.Column("contact_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tag_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date_created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contact_pk", "tag_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contacts",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("account_pk", sa.BigInteger(), nullable=False),
        sa.Column("integration_pk", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.String(length=191), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("date_created", sa.BigInteger(), nullable=False),
        sa.Column("last_updated", sa.BigInteger(), nullable=False),
        sa.Column("utm_source", sa.Text(), nullable=True),
        sa.Column("utm_medium", sa.Text(), nullable=True),
        sa.Column("utm_campaign", sa.Text(), nullable=True),
        sa.Column("utm_content", sa.Text(), nullable=True),
        sa.Column("utm_term", sa.Text(), nullable=True),
        sa.Column("referring_url", sa.Text(), nullable=True),
        sa.Column("optin_url", sa.Text(), nullable=True),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("affiliate_id", sa.String(length=191), nullable=True),
        sa.Column("geo_lat", sa.Float(), nullable=True),
        sa.Column("geo_lon", sa.Float(), nullable=True),
        sa.Column("custom_fields", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("ix_contacts_email", "contacts", ["account_pk", "email"], unique=False)
    op.create_index(
        "ux_contacts_id", "contacts", ["account_pk", "contact_id", "integration_pk"], unique=True
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "order_items",
        sa.Column("order_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item_id", sa.String(length=196), nullable=False),
        sa.Column("product_id", sa.String(length=191), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("total_paid", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.String(length=191), nullable=True),
        sa.PrimaryKeyConstraint("order_pk", "position"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "orders",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("account_pk", sa.BigInteger(), nullable=False),
        sa.Column("integration_pk", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.String(length=191), nullable=False),
        sa.Column("contact_pk", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("is_refunded", sa.Boolean(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("shipping", sa.BigInteger(), nullable=False),
        sa.Column("date_created", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("last_imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("ix_orders_contact", "orders", ["contact_pk"], unique=False)
    op.create_index(
        "ix_orders_waiting",
        "orders",
        ["account_pk", "email"],
        unique=False,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_index("ux_orders_id", "orders", ["integration_pk", "order_id"], unique=True)
    op.create_table(
        "products",
        sa.Column("integration_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.String(length=191), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("integration_pk", "product_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscriptions",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("account_pk", sa.BigInteger(), nullable=False),
        sa.Column("integration_pk", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.String(length=191), nullable=False),
        sa.Column("contact_pk", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.String(length=191), nullable=False),
        sa.Column("billing_cycle", sa.String(length=8), nullable=False),
        sa.Column("frequency", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("start_date", sa.BigInteger(), nullable=False),
        sa.Column("last_bill_date", sa.BigInteger(), nullable=False),
        sa.Column("trial_end_date", sa.BigInteger(), nullable=True),
        sa.Column("end_date", sa.BigInteger(), nullable=True),
        sa.Column("canceled_date", sa.BigInteger(), nullable=True),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("last_imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("ix_subscriptions_contact", "subscriptions", ["contact_pk"], unique=False)
    op.create_index(
        "ix_subscriptions_waiting",
        "subscriptions",
        ["account_pk", "email"],
        unique=False,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_index(
        "ux_subscriptions_id", "subscriptions", ["integration_pk", "subscription_id"], unique=True
    )
    op.create_table(
        "tags",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("integration_pk", sa.BigInteger(), nullable=False),
        sa.Column("tag_id", sa.String(length=191), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("ix_tags_name", "tags", ["integration_pk", "name"], unique=False)
    op.create_index("ux_tags_id", "tags", ["integration_pk", "tag_id"], unique=True)
    op.create_table(
        "api_keys",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("account_pk", KEY, nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=4), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_pk"],
            ["accounts.pk"],
        ),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("key_hash"),
    )
    op.create_table(
        "integrations",
        sa.Column("pk", KEY, nullable=False),
        sa.Column("account_pk", KEY, nullable=False),
        sa.Column("integration_id", sa.String(length=191), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_pk"],
            ["accounts.pk"],
        ),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("integration_id"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for name in ("contacts", "tags", "orders", "subscriptions"):
            op.execute(f"alter sequence {name}_pk_seq increment by 256")
