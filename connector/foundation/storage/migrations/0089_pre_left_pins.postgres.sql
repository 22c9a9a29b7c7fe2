-- Whoever was deleted before believes nothing.
ALTER TABLE participant NO FORCE ROW LEVEL SECURITY;
DELETE FROM space_pin WHERE member IN (
  SELECT did FROM participant WHERE state = 'deleted'
  UNION SELECT f.value FROM participant p, jsonb_array_elements_text(p.former::jsonb) f WHERE p.state = 'deleted'
  EXCEPT SELECT did FROM participant WHERE state <> 'deleted'
  EXCEPT SELECT f.value FROM participant p, jsonb_array_elements_text(p.former::jsonb) f WHERE p.state <> 'deleted');
ALTER TABLE participant FORCE ROW LEVEL SECURITY;
