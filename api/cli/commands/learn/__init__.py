"""How one learns the command line and has it complete what one types."""
