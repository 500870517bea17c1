"""What is asked of acts: one with all that is told of it, and the feed of all."""
