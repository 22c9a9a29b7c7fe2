"""Tests mirror the package; `testkit` holds what they share."""
