"""The ODRL profile of Hanse: documents become frozen rules, rules become three-valued decisions with reasons.

Pure: only the standard library and msgspec; no clock, no I/O. Whatever is not understood refuses (spec/policy.md 1.1).
"""
