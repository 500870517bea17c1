"""Pure: statements, records, tree, checkpoints, proofs, verification."""
