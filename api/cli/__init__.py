"""The socai command: one file per user."""
