-- Mergers of which a participant has said something to that space, or should: DID of the part to whom it is part of, since when, and
-- what its authority said of it last (JSON). What it decides is news, told once.
ALTER TABLE joined_space ADD COLUMN mergers {text} NOT NULL DEFAULT '{}';
