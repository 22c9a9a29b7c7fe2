"""What a requester asks for: a filter, and where the next page begins."""
