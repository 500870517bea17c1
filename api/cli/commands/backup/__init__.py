"""Backups and the way back: `socai backup`, `socai restore`."""
