"""What every command shares: shell, labels, tables, errors in words; knows no command."""
