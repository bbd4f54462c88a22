"""Scenarios: from a source, through modules and mappings, to an account."""
