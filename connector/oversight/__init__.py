"""What people and operators see of it: health, figures, tasks, notices, partners.

It may import `continuity` and what lies below.
"""
