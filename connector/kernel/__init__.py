"""Pure decisions and formats: protocol, policies, metadata, foreign notations, and reading what others wrote.

No database and no socket; it may import `foundation`, and protocol and policy nearly nothing of that.
"""
