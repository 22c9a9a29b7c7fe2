"""The side of who keeps a space: its authority, whom it invites and admits, and the list that says so."""
