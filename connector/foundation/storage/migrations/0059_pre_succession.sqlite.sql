CREATE TRIGGER participant_moved BEFORE UPDATE OF moved_to ON participant
WHEN OLD.moved_to IS NOT NULL AND NEW.moved_to IS NOT OLD.moved_to BEGIN
  SELECT RAISE(ABORT, 'a participant that has moved does not come back');
END;
