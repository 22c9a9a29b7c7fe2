"""The desk in a real browser: what every program and test that opens its pages has in common."""
