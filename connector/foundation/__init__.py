"""What every room stands on and knows no noun of the field: clock, errors, language, settings, HTTP, storage.

It imports nothing above it.
"""
