"""The contract as a document: text, facts, and the bytes that the parties seal."""
