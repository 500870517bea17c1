"""What an audit checks.

Content (one record), chain (records in order), tree (hashes, checkpoints), findings (names).
"""
