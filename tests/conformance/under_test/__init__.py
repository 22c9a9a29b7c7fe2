"""A connector under test, for the official kits and for connectors of other makes: test entry point, never production.

It speaks plain http on loopback, believes whoever calls, and may follow a script instead of deciding. Nothing here can
be reached by a setting: `python -m tests.conformance.under_test` is the only way in (spec/protocol.md 6.2).
"""
