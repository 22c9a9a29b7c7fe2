"""Pages of notifications: what one is told, and where one wants to be written to."""
