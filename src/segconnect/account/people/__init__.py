"""Contacts, and the people behind them, as they are looked up and read.

`finding` searches contacts, `reading` answers one with all that it has, `person` finds who is
behind it and what they saw, `credited` what earned their orders. Who is one with whom is settled
in `writing.identities`.
"""
