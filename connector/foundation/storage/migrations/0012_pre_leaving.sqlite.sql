CREATE TRIGGER participant_forward BEFORE UPDATE OF state ON participant
WHEN NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
  (VALUES ('active', 'closing'), ('closing', 'closed'), ('closed', 'deleting'), ('deleting', 'deleted')) BEGIN
  SELECT RAISE(ABORT, 'a participant leaves in one direction');
END;
CREATE TRIGGER participant_remembered BEFORE DELETE ON participant WHEN OLD.state <> 'active' BEGIN
  SELECT RAISE(ABORT, 'the last row of a participant stays');
END;
