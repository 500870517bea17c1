"""What an audit checks.

Content (one record), part (a run of them), chain (records in order), tree (hashes, checkpoints),
findings (names); evidence (where the bytes come from), workers (which process does it).
"""
