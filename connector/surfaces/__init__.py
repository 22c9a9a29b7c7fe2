"""The doors: for partners (`peer`), programs (`api`) and people (`web`), and what they have in common.

They may import whatever lies below, and none of them another.
"""
