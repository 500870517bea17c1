"""An enclave served by processes: who starts them again, their socket, their database."""
