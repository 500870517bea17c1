"""Schema `r`: by the writer's login, which puts in and asks, and by the vault's own (G9)."""
