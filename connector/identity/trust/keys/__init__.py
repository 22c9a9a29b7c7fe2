"""Signing keys, tokens, and how secrets are kept at rest."""
