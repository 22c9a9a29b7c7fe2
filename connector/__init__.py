"""Hanse: a data-space connector for municipalities. The tour through the folders is in README.md."""
