"""The database port on SQLite: one process, one writer."""
