"""Adapters: tables, the append function, tiles, checkpoints, migrations, roles."""
