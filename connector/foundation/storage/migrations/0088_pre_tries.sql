-- Wrong invitation codes count by the DID that tried them: hundreds share a host. What an older replica notes has none.
ALTER TABLE space_try ADD COLUMN did {text} NOT NULL DEFAULT '';
