"""Everything stored held against the log, from stored bytes alone; changes nothing."""
