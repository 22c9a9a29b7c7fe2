"""The check of a catalogue: one table of rules, its engine, sentences for people, and official files beside it."""
