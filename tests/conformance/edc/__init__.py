"""Eclipse EDC as a live peer (dataspace-protocol.md 5.3a): resolved by Maven, started on free ports, driven by its
management API. Scenarios for both directions, and what the benchmark needs.
"""
