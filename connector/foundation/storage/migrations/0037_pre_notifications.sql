-- What people of a participant are told once, by cause (spec/approvals.md 5). `audience`: roles and pseudonyms (JSON); `facts`: what
-- the sentence says (JSON). Times in ms.
CREATE TABLE notification (
  participant {text} NOT NULL REFERENCES participant (id), name {text} NOT NULL, cause {text} NOT NULL, subject {text} NOT NULL,
  facts {text} NOT NULL, audience {text} NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (participant, name));
CREATE INDEX notification_at ON notification (participant, at);
-- Who has read it, and to whom it was mailed; `who` is a pseudonym.
CREATE TABLE notification_read (
  participant {text} NOT NULL REFERENCES participant (id), name {text} NOT NULL, who {text} NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (participant, name, who));
CREATE TABLE notification_mail (
  participant {text} NOT NULL REFERENCES participant (id), name {text} NOT NULL, who {text} NOT NULL, at {int} NOT NULL,
  PRIMARY KEY (participant, name, who));
-- A person's mailbox, which she names herself. `refusal`: what the mail server said of the last mail that it did not take.
CREATE TABLE person_mailbox (
  person {text} PRIMARY KEY REFERENCES person (id) ON DELETE CASCADE, address {text} NOT NULL, wanted {text} NOT NULL,
  changed_at {int} NOT NULL, refused_at {int}, refusal {text} NOT NULL);
