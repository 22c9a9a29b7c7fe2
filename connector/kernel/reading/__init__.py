"""What a file is before it is published: how it is written, its tables and places, and hints on persons in it."""
