"""The formats that evidence consists of, each read so that it has one meaning only."""
