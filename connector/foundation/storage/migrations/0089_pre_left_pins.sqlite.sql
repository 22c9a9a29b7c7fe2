-- Whoever was deleted before believes nothing.
DELETE FROM space_pin WHERE member IN (
  SELECT did FROM participant WHERE state = 'deleted'
  UNION SELECT f.value FROM participant p, json_each(p.former) f WHERE p.state = 'deleted'
  EXCEPT SELECT did FROM participant WHERE state <> 'deleted'
  EXCEPT SELECT f.value FROM participant p, json_each(p.former) f WHERE p.state <> 'deleted');
