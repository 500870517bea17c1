"""The benchmark of architecture.md §8: `python -m tests.bench [--quick] [--soak] [GROUP …]`.

Reported, never red. All rows of one run are measured side by side on the same machine and the same
PostgreSQL, in rounds that take turns, so that a ratio means something where an absolute figure does
not.

- `row`: one measured line, the table, the JSON.
- `run`: what the groups share: the server, the main enclave, options, progress.
- `enclave`: an enclave founded as `init` does it, with officers in post today.
- `workload`: lawful acts of short cases, signed beforehand.
- `crew`: processes and threads that work through items at one moment, each item timed.
- `stock`, `by_hand`, `plain`: the other side: eventsourcing as it comes, and with signatures and a
  chain of one's own; INSERTs and bare routes.
- `django_history`: the peer that needs a program of its own.
- `wire`, `server`: a lean HTTP client; gunicorn with the API and the bare routes in its workers.
- `province`: the cases, acts and officers of `listing`, made up by SQL.
- groups: those of `__main__`.
"""
