-- Statements that an agreement ends, one of each side; the bytes as signed. `effective` is when it takes effect here, `answer` what became of ours on its way.
CREATE TABLE ending (
  participant {text} NOT NULL REFERENCES participant (id), agreement {text} NOT NULL, side {text} NOT NULL, statement {bytes} NOT NULL,
  sha256 {text} NOT NULL, jws {text} NOT NULL, notice {int}, effective {int} NOT NULL, at {int} NOT NULL, booked_at {int} NOT NULL,
  answer {text} NOT NULL, PRIMARY KEY (participant, agreement, side),
  FOREIGN KEY (participant, agreement) REFERENCES agreement (participant, id));
-- Who stands in an agreement in the place of its counterparty by the word of the trust list, and since when.
CREATE TABLE succession (
  participant {text} NOT NULL REFERENCES participant (id), agreement {text} NOT NULL, predecessor {text} NOT NULL, successor {text} NOT NULL,
  since {int} NOT NULL, booked_at {int} NOT NULL, PRIMARY KEY (participant, agreement, successor),
  FOREIGN KEY (participant, agreement) REFERENCES agreement (participant, id));
-- When it ended before its time; the digest of the agreement that it takes the place of.
ALTER TABLE agreement ADD COLUMN ended_at {int};
ALTER TABLE agreement ADD COLUMN replaces {text};
ALTER TABLE negotiation ADD COLUMN replaces {text};
CREATE INDEX agreement_digest ON agreement (participant, digest);
