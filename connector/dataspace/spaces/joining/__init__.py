"""The side of who belongs to spaces of others: joining one, and what is said to its authority."""
