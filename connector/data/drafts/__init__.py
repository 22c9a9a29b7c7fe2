"""Publications that are being prepared: the file as it was read, and what somebody has answered so far."""
