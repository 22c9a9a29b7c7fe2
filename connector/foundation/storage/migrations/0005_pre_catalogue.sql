-- What a search looks at, written as the words of a filter are; NULL in rows from before, which are folded when looked at.
ALTER TABLE dataset ADD COLUMN words {text};
-- Counts each change of a participant's datasets and offers: a page made at one count is right for as long as it stands.
CREATE TABLE catalogue (
  participant {text} PRIMARY KEY REFERENCES participant (id), version {int} NOT NULL);
