"""Foreign JSON-LD becomes plain JSON, or a sentence that says what is wrong with it."""
