"""Witnesses of logs and timestamps: what we vouch for, and whom we ask to vouch for us."""
