"""One function per precondition of data/guards.json, one file per family; `table` lists them."""
