"""Reports: planned from a query, run on the replica, answered in the words of the API.

`plan` looks names up and resolves dates; `run` sums each fact at its own grain and joins the sums.
"""
