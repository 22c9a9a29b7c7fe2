"""Moves bytes: flows and their tokens, the gate before every access, the stream, and the pull on the other side.

Knows flows, never contracts: whether an access is permitted decides whoever implements `gate.Entitled`.
"""
