"""Who we are, whom we believe, and what we signed: keys and trust lists, participants, people, and the log.

It may import `kernel` and `foundation`. `infra` holds what every slice is given, `jobs` the work that repeats.
"""
