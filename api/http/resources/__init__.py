"""One blueprint per resource: parse, one call, dump."""
