"""Our requests to other connectors: where a peer is found, and what it lists."""
