"""Who takes part in a case, by which act and until when; pure: the database keeps to it."""
