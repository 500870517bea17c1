"""What the keeper and the administrator do about wraps: move them, let them go, sweep up."""
