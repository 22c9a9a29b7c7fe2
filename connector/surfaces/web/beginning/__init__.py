"""From a town that knows its name to its first published data: what is done, what comes next."""
