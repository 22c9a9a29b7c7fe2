"""The evidence of an agreement: everything that proves it, as one bundle."""
