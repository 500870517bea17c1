"""The mirror's ends of the database: what is published, what was taken in (access.md G10)."""
