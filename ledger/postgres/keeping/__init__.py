"""What the keeper and the administrator do about wraps, and what a database says of itself."""
