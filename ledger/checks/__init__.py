"""What an audit checks: content (one record), chain (records in order), tree (hashes, checkpoints), findings (names)."""
