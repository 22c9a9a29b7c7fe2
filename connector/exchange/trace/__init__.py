"""What an operator sees of a negotiation or transfer: its transcript, why it stands where it stands, and what to do."""
