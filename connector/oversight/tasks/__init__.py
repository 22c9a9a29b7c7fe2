"""What waits for a person, in order of urgency, and what happened since she last looked (spec/desk.md)."""
