"""What opens wraps above ordinary: against a committed row, once (access.md U3, U4)."""
