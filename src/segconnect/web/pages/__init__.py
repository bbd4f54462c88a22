"""The pages, one file for each place."""
