"""The reference of the account's API, made from the shapes that it reads.

`openapi` describes it for programs, with `reports` and `tracking` for these parts and `words` for
what shapes cannot say; `page` makes a page of it for people.
"""
