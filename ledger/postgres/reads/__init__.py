"""The log of reads in PostgreSQL: schema `access` (access.md §6)."""
