"""Backup and restore of one installation: database, files, settings, and its keys sealed apart (decision 0051)."""
