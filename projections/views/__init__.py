"""The read models: their tables and the rows that a step writes."""
