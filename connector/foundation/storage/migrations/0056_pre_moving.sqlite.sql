DROP TRIGGER participant_forward;
CREATE TRIGGER participant_forward BEFORE UPDATE OF state ON participant
WHEN NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
  (VALUES ('active', 'closing'), ('closing', 'closed'), ('closed', 'deleting'), ('deleting', 'deleted'),
    ('active', 'moving'), ('moving', 'active'), ('moving', 'moved'), ('moved', 'deleting'), ('arriving', 'active')) BEGIN
  SELECT RAISE(ABORT, 'a participant leaves in one direction');
END;
DROP TRIGGER participant_remembered;
CREATE TRIGGER participant_remembered BEFORE DELETE ON participant WHEN OLD.state NOT IN ('active', 'arriving') BEGIN
  SELECT RAISE(ABORT, 'the last row of a participant stays');
END;
-- What was handed over stays handed over: there is no way back, neither here nor there.
CREATE TRIGGER departure_forward BEFORE UPDATE OF state ON departure WHEN OLD.state = 'handed' AND NEW.state <> 'handed' BEGIN
  SELECT RAISE(ABORT, 'a participant that was handed over does not come back');
END;
CREATE TRIGGER departure_stays BEFORE DELETE ON departure WHEN OLD.state = 'handed'
  AND EXISTS (SELECT 1 FROM participant p WHERE p.id = OLD.participant AND p.state NOT IN ('deleting', 'deleted')) BEGIN
  SELECT RAISE(ABORT, 'a participant that was handed over does not come back');
END;
