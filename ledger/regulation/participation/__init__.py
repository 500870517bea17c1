"""Who takes part in a case, by which act and until when; pure, and nothing is enforced here."""
