"""The municipal suite: test cases for usage policies of municipalities, stated by hand and written as Turtle.

Each case says itself what is expected, as a person reads it in spec/policy.md 2 to 9. Nothing here asks an engine.
"""
