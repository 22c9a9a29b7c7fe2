"""What a participant publishes: datasets, their sources and the offers on them."""
