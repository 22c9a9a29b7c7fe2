"""For the operator: how the process is, which participants it hosts, what ends soon. No payload data."""
