"""What may enter the log, asked alike by the door, the judge of loaded streams and the audit."""
