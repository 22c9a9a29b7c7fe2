"""Partners compare what their logs say of the agreements they share."""
