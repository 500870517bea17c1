"""What is asked of acts: statements, single acts, verdicts on them, what a key signed, the feed."""
