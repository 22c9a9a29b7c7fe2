"""Runs public test suites for usage policies against our engine; each suite is read from the folder that is named."""
