-- What a kind of source asks for besides its location (JSON), and what of it is secret (sealed).
ALTER TABLE source ADD COLUMN parameters {text} NOT NULL DEFAULT '{}';
ALTER TABLE source ADD COLUMN secrets {bytes};
