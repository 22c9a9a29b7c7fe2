"""Figures of reuse as people see them: picture, table, and the log entries behind each number."""
