"""All that changes the record: the rules of each operation, and how groups of them are written.

`work` is what a group reads and changes, `identities` who is who in it. `imports`, `tracking` and
`erasing` hold the rules, which `rules` applies; `views` and `geography` make a row of a page view.
`committer` gathers requests into groups, and `writer` writes these beside the server.
`reclassifying` gives page views the channels of new rules.
"""
