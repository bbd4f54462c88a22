"""The words that the modules and the account both speak."""
