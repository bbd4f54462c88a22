"""What is asked of an account as a whole, for its pages, its API and the command line.

`reporting` answers every report of an account, in threads of its own; over it, `overview` makes
the first page. `health` checks the data, `reconciling` compares it with a processor's export, and
`summary` counts what the store holds.
"""
