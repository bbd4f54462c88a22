"""Each store's migrations are one line, and its code names the newest."""

from __future__ import annotations

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from segconnect.account.store import opening
from segconnect.database import Migrations
from segconnect.scenario import hooks, journal
from segconnect.web import users


@pytest.mark.parametrize(
    "migrations",
    [opening.MIGRATIONS, journal.MIGRATIONS, hooks.MIGRATIONS, users.MIGRATIONS],
    ids=lambda each: each.version_table,
)
def test_the_newest_migration_is_the_one_that_the_code_names(migrations: Migrations) -> None:
    config = Config()
    config.set_main_option("script_location", migrations.location)

    assert ScriptDirectory.from_config(config).get_heads() == [migrations.head]
