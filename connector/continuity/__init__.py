"""What happens to all of it when somebody moves, leaves, restores a backup, or asks to be forgotten.

It may import `exchange` and what lies below.
"""
