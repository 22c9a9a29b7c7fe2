-- A participant that moved here from another provider, or away from here (spec/trust.md 4.6). `former` are the DIDs that it
-- had before (JSON, the newest first); `moved_to` is the DID that has taken the place of this one since `moved_at` (ms).
-- Its old address answers who asks for it until `answered_until` (ms).
ALTER TABLE participant ADD COLUMN former {text} NOT NULL DEFAULT '[]';
ALTER TABLE participant ADD COLUMN moved_to {text};
ALTER TABLE participant ADD COLUMN moved_at {int};
ALTER TABLE participant ADD COLUMN answered_until {int};
