"""Who joined and parted people, and what was said of devices."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Creates the columns, and the table with the devices that are marked already."""
    op.add_column("links", sa.Column("made_by", sa.Text(), nullable=True))
    op.add_column("links", sa.Column("undone_by", sa.Text(), nullable=True))
    op.create_table(
        "devices",
        sa.Column("identity_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_pk", sa.BigInteger(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=True),
        sa.Column("date_created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity_pk"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_devices_account", "devices", ["account_pk"], unique=False)
    op.execute(
        "insert into devices (identity_pk, account_pk, is_shared, reason, date_created)"
        " select i.pk, i.account_pk, i.is_shared, 'too many emails',"
        " coalesce((select max(l.undone_at) from links l where l.one_pk = i.pk), i.first_seen)"
        " from identities i where i.is_shared"
    )
