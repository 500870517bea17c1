"""The catalogue page: acts, guards and dated lines, written out from the data."""
