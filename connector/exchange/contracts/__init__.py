"""Negotiating, approving, signing and keeping agreements, for provider and consumer."""
