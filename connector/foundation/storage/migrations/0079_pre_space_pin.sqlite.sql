INSERT INTO space_pin (member, authority, space, name, did, jwk, list_url, pinned_at)
  SELECT one.did, s.authority, s.space, s.name, s.did, s.jwk, s.list_url, s.pinned_at
  FROM (SELECT id, did FROM participant
        UNION SELECT p.id, f.value FROM participant p, json_each(p.former) f) one
  JOIN joined_space j ON j.participant = one.id AND j.state IN ('member', 'ended', 'left')
  JOIN pinned_space s ON s.authority = j.authority AND s.space = j.space
  WHERE true ON CONFLICT DO NOTHING;
