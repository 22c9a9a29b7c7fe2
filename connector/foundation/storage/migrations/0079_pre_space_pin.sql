-- For whom a space is believed: the DID of a participant that joined it, or keeps it, and the key that its people compared.
-- Process-wide like the lists. One participant's word says nothing to another; `pinned_space` of before did, and is not read.
CREATE TABLE space_pin (
  member {text} NOT NULL, authority {text} NOT NULL, space {text} NOT NULL, name {text} NOT NULL, did {text} NOT NULL,
  jwk {text} NOT NULL, list_url {text} NOT NULL, pinned_at {int} NOT NULL, PRIMARY KEY (member, space));
INSERT INTO space_pin (member, authority, space, name, did, jwk, list_url, pinned_at)
  SELECT did, authority, space, name, did, jwk, list_url, pinned_at FROM pinned_space WHERE did <> '';
