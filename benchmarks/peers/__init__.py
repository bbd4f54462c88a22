"""The same job by other tools: `make bench-peers` installs them from npm and runs them here."""
