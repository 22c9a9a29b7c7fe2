"""Transfer processes: who may get the bytes of an agreement, when, and what came of it."""
