"""What was concluded: agreements, what replaces or succeeds them, and how they end."""
