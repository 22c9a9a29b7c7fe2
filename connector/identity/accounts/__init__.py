"""Persons who sign in: their roles at each participant, sessions, invitations and keys for programs."""
