"""A change of the rules as a legal officer writes it: tables, what they come to, and in words."""
