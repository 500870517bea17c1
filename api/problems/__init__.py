"""What an error is to whoever asked: problem types, their texts, and faults by member."""
