"""Pages about the rulebook, written out from the data: the catalogue, and the life of a case."""
