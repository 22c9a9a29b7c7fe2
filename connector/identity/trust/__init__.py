"""Who is who: keys and their custody, did:web, tokens, the data space's trust list, development certificates."""
