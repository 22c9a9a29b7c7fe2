"""What two participants do with each other: negotiations, agreements, mandates, transfers, and all that is sent.

It may import `dataspace` and what lies below.
"""
