-- Who handed in a file (pseudonym); empty: the operator's own socket, or before this was kept.
ALTER TABLE source ADD COLUMN made_by {text} NOT NULL DEFAULT '';
