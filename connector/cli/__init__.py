"""The command line: a file per command group. Most commands are clients of the running server (architecture.md 1.5)."""
