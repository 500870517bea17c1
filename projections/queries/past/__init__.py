"""A case as of a moment, what differs between two, and why a field says what it says."""
