"""What the vault of reporters needs of the machine: its founding, and letters by mail."""
