"""Commands of whoever operates the process: serve, doctor, participants, backup, witness."""
