"""Copies of what members show each of our participants: taken again and again, kept while a member is silent."""
