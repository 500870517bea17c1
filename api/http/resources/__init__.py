"""One blueprint per noun: parse, one call, dump."""
