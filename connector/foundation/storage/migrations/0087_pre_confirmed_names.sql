-- The name that somebody else confirmed of a person, by whom (pseudonym) and when (ms); it counts while she is called just that.
ALTER TABLE person_pseudonym ADD COLUMN named {text} NOT NULL DEFAULT '';
ALTER TABLE person_pseudonym ADD COLUMN named_by {text} NOT NULL DEFAULT '';
ALTER TABLE person_pseudonym ADD COLUMN named_at {int};
