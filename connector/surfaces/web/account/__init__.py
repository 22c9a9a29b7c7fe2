"""What belongs to a person: signing in and out, her account."""
