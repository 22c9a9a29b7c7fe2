"""Whether one policy permits no more than another, exactly or not at all."""
