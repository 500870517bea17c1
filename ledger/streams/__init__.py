"""The eventsourcing aggregates behind the streams of formats.md §2, and their one event."""
