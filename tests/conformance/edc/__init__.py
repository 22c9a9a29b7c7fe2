"""Eclipse EDC as a live peer (spec/protocol.md 6.1): resolved by Maven, started on free ports, driven by its
management API. Scenarios for both directions, and what the benchmark needs.
"""
