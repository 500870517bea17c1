"""One case as its acts make it: state, roles, clocks, and what guards may ask of it."""
