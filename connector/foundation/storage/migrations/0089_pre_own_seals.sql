-- Seal certificates above level L1 of a participant in a space that it joined, at which its authority has to look: by SHA-256, and
-- what the authority said last (JSON). What it decides is news, told once.
ALTER TABLE joined_space ADD COLUMN seals {text} NOT NULL DEFAULT '{}';
