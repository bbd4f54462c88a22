"""A SegMetrics account of one's own: it speaks the same wire, and knows no scenario.

Its rooms, from the top down; an import goes down this list and never up:

    api             the account over HTTP: routes, limits, the server
    reference       what the API is, for programs and for people
    figures         reports, the first page, data health: what is asked of a whole account
    people          contacts and who is behind them, found and read
    export          facts as Parquet files
    forecast        what people will have brought
    reports         a question, planned and answered
    replica         the columnar copy that reports are answered from
    metrics         metrics and dimensions, as they are declared
    attribution     who gets the credit for a sale
    writing         all that changes the record: rules, groups, who is who
    owner           accounts, keys and settings
    channels        the channel of a visit
    store           the record: its tables, on SQLite and on PostgreSQL
"""
