"""The log, the rulebook and the use cases over both.

Pure: `regulation` (acts, guards, life cycle, registry), `log` (statements, tree, checkpoints).
`streams` are eventsourcing's aggregates over records; `admission` says what may enter;
`write` records it, `checkpoints` sign and prove it, `files` keep what acts attach, `audit` checks
all of it, `recovery` goes on after a loss. What they ask of the world: `ports`; adapters:
`postgres`.
"""
