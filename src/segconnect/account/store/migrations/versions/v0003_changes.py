"""What each group of writes changed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "changes",
        sa.Column("account_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("noted", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_pk", "number"),
        sqlite_with_rowid=False,
    )
