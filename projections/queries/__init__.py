"""What may be asked of the views, now and as of a moment."""
