"""Commands about what is kept: records, persons, transcripts, and judging evidence."""
