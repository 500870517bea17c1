"""The reducer: records in order to steps, pure of tables."""
