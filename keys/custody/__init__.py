"""Where private keys rest: `file` (.socaikey, .socaikek)."""
