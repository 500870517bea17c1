"""Act types and their payloads: shape, wording, life cycle; knows no case at hand."""
