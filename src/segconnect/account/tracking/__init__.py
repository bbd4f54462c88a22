"""Tracking: the script in a page, what it sends, and what becomes of it.

`app` answers the requests, `rules` applies them within a group, `views` makes a row of a view.
"""
