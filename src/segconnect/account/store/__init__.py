"""The record store: the same tables and rules on SQLite and on PostgreSQL.

`opening` opens and migrates it; `sqlite` and `postgres` write groups of imports.
"""
