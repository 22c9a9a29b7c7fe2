"""What we send: the worker that empties the outbox, back-off and circuits, timers and leased jobs."""
