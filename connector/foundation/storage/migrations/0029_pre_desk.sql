-- Forms of the desk that were sent (spec/desk.md 1.4): the name is random, `location` where the answer led.
CREATE TABLE sent_form (name {text} PRIMARY KEY, sent_at {int} NOT NULL, done {int} NOT NULL, location {text} NOT NULL);
CREATE INDEX sent_form_at ON sent_form (sent_at);
