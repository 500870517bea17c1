"""The rules asked again of every statement, by the log as it stood at its index."""
