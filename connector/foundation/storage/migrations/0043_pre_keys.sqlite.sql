-- Where most of a row is its key, the row stands in the key's own tree: one page less for each row that is written.
CREATE TABLE transcript_keyed (
  participant TEXT NOT NULL, process TEXT NOT NULL, slot TEXT NOT NULL, pid TEXT NOT NULL, direction TEXT NOT NULL,
  kind TEXT NOT NULL, message_id TEXT NOT NULL, sent INTEGER NOT NULL, status INTEGER NOT NULL, code TEXT NOT NULL,
  detail TEXT NOT NULL, reason TEXT, body TEXT NOT NULL, times INTEGER NOT NULL DEFAULT 1, at INTEGER NOT NULL,
  last_at INTEGER NOT NULL, PRIMARY KEY (participant, process, slot)) STRICT, WITHOUT ROWID;
INSERT INTO transcript_keyed SELECT * FROM transcript;
DROP TABLE transcript;
ALTER TABLE transcript_keyed RENAME TO transcript;
-- The key is in the index anyway.
CREATE INDEX transcript_pid ON transcript (pid) WHERE pid <> '';
CREATE INDEX transcript_age ON transcript (participant, last_at);

CREATE TABLE object_use_keyed (
  participant TEXT NOT NULL, negotiation TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, counterparty TEXT NOT NULL,
  PRIMARY KEY (participant, negotiation, name), FOREIGN KEY (participant, sha256) REFERENCES object (participant, sha256))
  STRICT, WITHOUT ROWID;
INSERT INTO object_use_keyed SELECT * FROM object_use;
DROP TABLE object_use;
ALTER TABLE object_use_keyed RENAME TO object_use;
CREATE INDEX object_use_sha256 ON object_use (participant, sha256, counterparty);

CREATE TABLE seen_token_keyed (
  participant TEXT NOT NULL, issuer TEXT NOT NULL, jti TEXT NOT NULL, expires_at INTEGER NOT NULL,
  PRIMARY KEY (participant, issuer, jti)) STRICT, WITHOUT ROWID;
INSERT INTO seen_token_keyed SELECT * FROM seen_token;
DROP TABLE seen_token;
ALTER TABLE seen_token_keyed RENAME TO seen_token;
CREATE INDEX seen_token_expires ON seen_token (participant, expires_at);
