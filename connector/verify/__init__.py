"""The offline verifier of evidence: imports nothing else of ours, only `cryptography` and the standard library.

Whoever doubts a contract runs this against a bundle and trusted roots from outside it (contracts.md 6, 12, 15).
"""
