"""HTTP, command line, settings and wiring; decides nothing."""
