"""One eventsourcing aggregate per stream kind of formats.md §2."""
