"""What the owner of an account decides and hands out, and how it is kept.

`access` holds accounts, integrations and API keys, `uses` what came by each of them. Of what is
set, `account_settings` is for the account and its reports, `tracking_settings` for its tracking;
`choices` are those that reports know too, and `preferences` reads and keeps the texts.
"""
