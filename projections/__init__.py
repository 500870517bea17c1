"""Read models: a fold over the log that can be dropped and built again."""
