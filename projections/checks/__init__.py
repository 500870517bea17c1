"""Views held against a fresh fold of the log."""
