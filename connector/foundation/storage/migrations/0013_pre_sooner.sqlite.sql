-- SQLite cannot change a primary key in place.
DROP INDEX ending_counts;
CREATE TABLE ending_sooner (
  participant TEXT NOT NULL REFERENCES participant (id), agreement TEXT NOT NULL, side TEXT NOT NULL, statement BLOB NOT NULL,
  sha256 TEXT NOT NULL, jws TEXT NOT NULL, notice INTEGER, effective INTEGER NOT NULL, at INTEGER NOT NULL, booked_at INTEGER NOT NULL,
  answer TEXT NOT NULL, PRIMARY KEY (participant, agreement, side, sha256),
  FOREIGN KEY (participant, agreement) REFERENCES agreement (participant, id));
INSERT INTO ending_sooner SELECT * FROM ending;
DROP TABLE ending;
ALTER TABLE ending_sooner RENAME TO ending;
CREATE UNIQUE INDEX ending_counts ON ending (participant, agreement, side) WHERE answer <> 'superseded';
