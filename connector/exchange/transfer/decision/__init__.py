"""What the policy of an agreement says of a transfer now, and what is kept of each decision."""
