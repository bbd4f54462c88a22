"""Loads public data sets through scenarios, and holds what our reports say against what is right.

`make verify-data DATA=DIRECTORY` runs it; the scenarios stand in examples/datasets.
"""
