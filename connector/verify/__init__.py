"""The offline verifier of evidence: imports nothing else of ours, only `cryptography` and the standard library.

Whoever doubts a contract runs this against a bundle and trusted roots from outside it (spec/contracts.md 2, 4, 8).
"""
