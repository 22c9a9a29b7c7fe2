-- Links to received files that need no sign-in (spec/desk.md 3). `key` is the SHA-256 (hex) of what stands in the address,
-- `made_by` a pseudonym. Times in ms.
CREATE TABLE data_link (
  participant {text} NOT NULL REFERENCES participant (id), id {text} NOT NULL, key {text} NOT NULL, transfer {text} NOT NULL,
  agreement {text} NOT NULL, made_by {text} NOT NULL, created_at {int} NOT NULL, expires_at {int} NOT NULL,
  revoked_at {int}, uses {int} NOT NULL, used_at {int},
  PRIMARY KEY (participant, id), UNIQUE (participant, key));
CREATE INDEX data_link_transfer ON data_link (participant, transfer);
