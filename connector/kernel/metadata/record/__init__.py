"""The neutral record: what is known of a catalogue and its datasets, whichever form it is written in."""
