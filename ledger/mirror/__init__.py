"""The mirror of a lower log: segments are made below and taken in above (access.md §2)."""
