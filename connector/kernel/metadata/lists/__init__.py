"""Code lists: what values a property may have, what they are called, and lists that an operator adds."""
