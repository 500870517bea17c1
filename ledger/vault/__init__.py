"""The reporters' compartment R: who reported, apart from the log and from every other process."""
