"""The participant's own record: entries of the business transaction, sealed in a Merkle log, exported as evidence."""
