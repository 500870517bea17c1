"""The commands of socai, a file for each who uses them; they print through `api.cli.terminal`."""
