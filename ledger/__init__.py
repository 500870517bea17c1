"""The log, the rulebook and the use cases over both.

Rules: `regulation` (acts, guards, life cycle, registry), `log` (statements, tree, checkpoints).
Writing: `application` (use cases) over `submission`, `draft`, `ledger_time`, `receipt`, `memory`,
`standing` (the registry kept up), `founding`; `streams` and `eventstore` are eventsourcing's seams.
Sealing and proving: `sealer`, `proofs`. Checking: `reader`, `audit` with `checks`. Files:
`attachments`, `file_history`, `blobs`. What it asks of the world: `ports`; adapters: `postgres`.
"""
