"""The first page: what waits for the person, and what happened since she last looked, each with the next step."""
