"""The tables of the record store, the same on SQLite and PostgreSQL.

Times are whole seconds since 1970 UTC, days are ISO texts, money is whole cents. A `pk` is ours
and never changes; the ids that users know are columns, so that re-keying a contact moves nothing.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from segconnect.types import MAX_ID

metadata = MetaData()

# SQLite keeps a row under its INTEGER PRIMARY KEY itself; a BIGINT one would be a second index.
Key = BigInteger().with_variant(Integer, "sqlite")
Name = String(MAX_ID)
Second = BigInteger

accounts = Table(
    "accounts",
    metadata,
    Column("pk", Key, primary_key=True),
    Column("account_id", Name, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("currency", String(3), nullable=False, server_default="USD"),
    Column("timezone", String(64), nullable=False, server_default="UTC"),
    Column("created_at", Second, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("pk", Key, primary_key=True),
    Column("account_pk", ForeignKey("accounts.pk"), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("hint", String(4), nullable=False),  # its last four characters, to tell keys apart
    Column("created_at", Second, nullable=False),
    Column("revoked_at", Second),
)

account_settings = Table(
    "account_settings",
    metadata,
    Column("account_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

integrations = Table(
    "integrations",
    metadata,
    Column("pk", Key, primary_key=True),
    Column("account_pk", ForeignKey("accounts.pk"), nullable=False),
    Column("integration_id", Name, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Second, nullable=False),
)

# What came by a key and an integration; written some seconds late: see account/uses.py.
key_uses = Table(
    "key_uses",
    metadata,
    Column("key_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("last_used_at", Second, nullable=False),
)

integration_uses = Table(
    "integration_uses",
    metadata,
    Column("integration_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("received", BigInteger, nullable=False),  # calls and lines of batches that were taken
    Column("refused", BigInteger, nullable=False),
    Column("last_received_at", Second),
    Column("last_error", Text),
    Column("last_error_at", Second),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("pk", Key, primary_key=True),
    Column("account_pk", BigInteger, nullable=False),
    Column("integration_pk", BigInteger, nullable=False),
    Column("contact_id", Name, nullable=False),
    Column("email", String(254)),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("status", String(16), nullable=False),
    Column("date_created", Second, nullable=False),
    Column("last_updated", Second, nullable=False),
    Column("utm_source", Text),
    Column("utm_medium", Text),
    Column("utm_campaign", Text),
    Column("utm_content", Text),
    Column("utm_term", Text),
    Column("referring_url", Text),
    Column("optin_url", Text),
    Column("ip_address", Text),
    Column("affiliate_id", Name),
    Column("geo_lat", Float),
    Column("geo_lon", Float),
    Column("custom_fields", Text, nullable=False),  # a JSON object
    Index("ux_contacts_id", "account_pk", "contact_id", "integration_pk", unique=True),
    Index("ix_contacts_email", "account_pk", "email"),
    # PostgreSQL has ix_contacts_email_begins, too: see the migration 0006.
)

tags = Table(
    "tags",
    metadata,
    Column("pk", Key, primary_key=True),
    Column("integration_pk", BigInteger, nullable=False),
    Column("tag_id", Name, nullable=False),
    Column("name", Text, nullable=False),
    Index("ux_tags_id", "integration_pk", "tag_id", unique=True),
    Index("ix_tags_name", "integration_pk", "name"),
)

contact_tags = Table(
    "contact_tags",
    metadata,
    Column("contact_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("tag_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("date_created", Second, nullable=False),
    sqlite_with_rowid=False,
)

products = Table(
    "products",
    metadata,
    Column("integration_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("product_id", Name, primary_key=True),
    Column("name", Text, nullable=False),
    sqlite_with_rowid=False,
)

orders = Table(
    "orders",
    metadata,
    Column("pk", Key, primary_key=True),
    Column("account_pk", BigInteger, nullable=False),
    Column("integration_pk", BigInteger, nullable=False),
    Column("order_id", Name, nullable=False),
    Column("contact_pk", BigInteger),  # null while the contact is awaited
    Column("email", String(254)),
    Column("amount", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("is_refunded", Boolean, nullable=False),
    Column("discount", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("shipping", BigInteger, nullable=False),
    Column("date_created", Second, nullable=False),
    Column("imported_at", Second, nullable=False),
    Column("last_imported_at", Second, nullable=False),
    Index("ux_orders_id", "integration_pk", "order_id", unique=True),
    Index("ix_orders_contact", "contact_pk"),
)

order_items = Table(
    "order_items",
    metadata,
    Column("order_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("item_id", String(MAX_ID + 5), nullable=False),  # by default order id, hyphen, number
    Column("product_id", Name, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("total_paid", BigInteger, nullable=False),
    Column("subscription_id", Name),
    sqlite_with_rowid=False,
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("pk", Key, primary_key=True),
    Column("account_pk", BigInteger, nullable=False),
    Column("integration_pk", BigInteger, nullable=False),
    Column("subscription_id", Name, nullable=False),
    Column("contact_pk", BigInteger),  # null while the contact is awaited
    Column("email", String(254)),
    Column("amount", BigInteger, nullable=False),
    Column("product_id", Name, nullable=False),
    Column("billing_cycle", String(8), nullable=False),
    Column("frequency", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("start_date", Second, nullable=False),
    Column("last_bill_date", Second, nullable=False),
    Column("trial_end_date", Second),
    Column("end_date", Second),
    Column("canceled_date", Second),
    Column("imported_at", Second, nullable=False),
    Column("last_imported_at", Second, nullable=False),
    Index("ux_subscriptions_id", "integration_pk", "subscription_id", unique=True),
    Index("ix_subscriptions_contact", "contact_pk"),
)

# A contact that appears looks here for what awaits it; nearly always there is nothing.
for _waiting in (orders, subscriptions):
    Index(
        f"ix_{_waiting.name}_waiting",
        _waiting.c.account_pk,
        _waiting.c.email,
        sqlite_where=_waiting.c.contact_pk.is_(None),
        postgresql_where=_waiting.c.contact_pk.is_(None),
    )

adcampaigns = Table(
    "adcampaigns",
    metadata,
    Column("integration_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("adcampaign_id", Name, primary_key=True),
    Column("name", Text, nullable=False),
    sqlite_with_rowid=False,
)

adsets = Table(
    "adsets",
    metadata,
    Column("integration_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("adset_id", Name, primary_key=True),
    Column("name", Text, nullable=False),
    Column("adcampaign_id", Name),
    sqlite_with_rowid=False,
)

ads = Table(
    "ads",
    metadata,
    Column("integration_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("ad_id", Name, primary_key=True),
    Column("name", Text, nullable=False),
    Column("adset_id", Name),
    Column("adcampaign_id", Name),
    sqlite_with_rowid=False,
)

ad_performance = Table(
    "ad_performance",
    metadata,
    Column("integration_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("ad_id", Name, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("spend", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# By what somebody is known: a visitor's uid, an email, the id of a contact. Those of one person
# have one `person`, the pk of one of them. See account/writing/identities.py.
identities = Table(
    "identities",
    metadata,
    Column("pk", Key, primary_key=True),
    Column("account_pk", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("value", String(254), nullable=False),
    Column("person", BigInteger, nullable=False),
    Column("is_shared", Boolean, nullable=False),  # a visitor's device, used by many
    Column("first_seen", Second, nullable=False),
    Index("ux_identities_value", "account_pk", "kind", "value", unique=True),
    Index("ix_identities_person", "person"),
)

# Why two of them are one person; those that were undone stay, and are not made again.
links = Table(
    "links",
    metadata,
    Column("pk", Key, primary_key=True),
    Column("account_pk", BigInteger, nullable=False),
    Column("one_pk", BigInteger, nullable=False),  # the visitor, if one of them is
    Column("other_pk", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("date_created", Second, nullable=False),
    Column("undone_at", Second),
    Column("undone_reason", Text),
    Column("made_by", Text),  # null: by itself
    Column("undone_by", Text),
    Index("ux_links_ends", "one_pk", "other_pk", unique=True),
    Index("ix_links_other", "other_pk"),
    Index("ix_links_account", "account_pk", "pk"),
)

# What was said of visitors' devices: that they are shared, or that they are not.
devices = Table(
    "devices",
    metadata,
    Column("identity_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("account_pk", BigInteger, nullable=False),
    Column("is_shared", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", Text),  # null: nobody, too many emails were given on it
    Column("date_created", Second, nullable=False),
    Index("ix_devices_account", "account_pk"),
    sqlite_with_rowid=False,
)

# Kept in the order of a journey: what one visitor saw lies together.
page_views = Table(
    "page_views",
    metadata,
    Column("visitor_pk", BigInteger, primary_key=True, autoincrement=False),  # an identity's
    Column("date_created", Second, primary_key=True, autoincrement=False),
    Column("hit", BigInteger, primary_key=True, autoincrement=False),  # tells views of a second
    Column("account_pk", BigInteger, nullable=False),
    Column("is_secure", Boolean, nullable=False),
    Column("host", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("referrer", Text),  # as it came: a URL or a host
    Column("channel", String(32), nullable=False),
    Column("utm_source", Text),
    Column("utm_medium", Text),
    Column("utm_campaign", Text),
    Column("utm_content", Text),
    Column("utm_term", Text),
    Column("ad_id", Name),
    Column("device", String(8), nullable=False),  # bot, mobile, tablet, desktop or unknown
    Column("ip_address", String(45)),
    Column("country_code", String(2)),
    Column("region", Text),
    Column("city", Text),
    Column("postal_code", String(32)),
    Column("latitude", Float),
    Column("longitude", Float),
    sqlite_with_rowid=False,
)

# What was spent on no ad that is known by an id: by day and UTM values.
expenses = Table(
    "expenses",
    metadata,
    Column("account_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("day", String(10), primary_key=True),
    Column("key", BigInteger, primary_key=True, autoincrement=False),  # of the UTM values
    Column("utm_source", Text),
    Column("utm_medium", Text),
    Column("utm_campaign", Text),
    Column("utm_content", Text),
    Column("utm_term", Text),
    Column("spend", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# What each group of writes changed, by a number of the account's own: see account/changes.py.
changes = Table(
    "changes",
    metadata,
    Column("account_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("noted", Text, nullable=False),  # a JSON object: table to keys
    sqlite_with_rowid=False,
)


def indexed_by(table: Table, columns: tuple[str, ...]) -> str | None:
    """Names the index that begins with these columns; None where the primary key does."""
    key = tuple(column.name for column in table.primary_key)
    if key[: len(columns)] == columns:
        return None
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if tuple(column.name for column in index.columns)[: len(columns)] == columns:
            return str(index.name)
    raise LookupError(f"{table.name} has no index on {', '.join(columns)}")
