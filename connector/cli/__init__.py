"""The command line: a file per command group. Most are clients of the running server (spec/architecture.md 1.4)."""
