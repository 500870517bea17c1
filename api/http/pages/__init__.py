"""Read-only pages: each asks the API's own view, behind a gate of its own, and lays it out."""
