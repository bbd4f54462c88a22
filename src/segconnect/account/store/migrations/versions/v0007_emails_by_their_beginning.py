"""Finds emails by their beginning in PostgreSQL, whose own order of texts leaves out punctuation.

The index is of an expression, which the schema cannot say for one kind of store alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Creates the index."""
    if op.get_bind().dialect.name == "postgresql":
        begins = sa.text('email collate "C"')
        op.create_index("ix_contacts_email_begins", "contacts", ["account_pk", begins])
