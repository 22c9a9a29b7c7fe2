"""Commands of the daily exchange: publish, find, request, negotiate, get."""
