"""Notifications: what people of a participant are told once, in the desk and by mail."""
