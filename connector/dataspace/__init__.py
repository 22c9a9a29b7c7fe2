"""Data spaces: founding and joining one, keeping its list, and watching each other's logs.

It may import `data` and what lies below; what is exchanged under a contract stands above it.
"""
