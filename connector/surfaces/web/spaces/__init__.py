"""Data spaces at the desk: for who keeps one, and for who belongs to some or wants to."""
