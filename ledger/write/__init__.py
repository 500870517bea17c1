"""The use cases that record: draft, admit, append, receive; eventsourcing behind them."""
