"""A participant moves to another provider: everything of it in one archive, and in force at one place at a time."""
