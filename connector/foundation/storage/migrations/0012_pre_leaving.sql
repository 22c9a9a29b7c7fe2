-- A participant leaves: active, closing, closed, deleting, deleted, and never back. The last row of it is this one.
ALTER TABLE participant ADD COLUMN closing_reason {text};
ALTER TABLE participant ADD COLUMN closed_at {int};
ALTER TABLE participant ADD COLUMN deleted_at {int};
-- Which evidence an operator has on disk before a closed participant is deleted: SHA-256 of the file of an agreement.
CREATE TABLE handover (
  participant {text} NOT NULL REFERENCES participant (id), agreement {text} NOT NULL, sha256 {text} NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (participant, agreement),
  FOREIGN KEY (participant, agreement) REFERENCES agreement (participant, id));
