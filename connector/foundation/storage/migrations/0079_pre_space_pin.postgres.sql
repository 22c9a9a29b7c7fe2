GRANT SELECT, INSERT, UPDATE, DELETE ON space_pin TO hanse;
ALTER TABLE participant NO FORCE ROW LEVEL SECURITY;
ALTER TABLE joined_space NO FORCE ROW LEVEL SECURITY;
INSERT INTO space_pin (member, authority, space, name, did, jwk, list_url, pinned_at)
  SELECT one.did, s.authority, s.space, s.name, s.did, s.jwk, s.list_url, s.pinned_at
  FROM (SELECT id, did FROM participant
        UNION SELECT p.id, f.value FROM participant p, jsonb_array_elements_text(p.former::jsonb) f) one
  JOIN joined_space j ON j.participant = one.id AND j.state IN ('member', 'ended', 'left')
  JOIN pinned_space s ON s.authority = j.authority AND s.space = j.space
  ON CONFLICT DO NOTHING;
ALTER TABLE participant FORCE ROW LEVEL SECURITY;
ALTER TABLE joined_space FORCE ROW LEVEL SECURITY;
