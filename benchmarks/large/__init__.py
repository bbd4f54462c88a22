"""The large account: what credits, reports and exports take at a million contacts."""
