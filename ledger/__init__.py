"""The log, the rulebook and the use cases over both; see style.md for the map."""
