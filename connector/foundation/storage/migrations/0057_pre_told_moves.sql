-- What a participant that has moved here still has to tell the authority of a space: the statement of its hand-over.
ALTER TABLE joined_space ADD COLUMN moved {text} NOT NULL DEFAULT '';
