-- What a negotiation is about, in words: the title of the dataset as it stood in the catalogue when it began; empty if nobody told.
ALTER TABLE negotiation ADD COLUMN title {text} NOT NULL DEFAULT '';
