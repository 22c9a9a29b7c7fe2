-- What people said about an agreement stays as they said it while the log has a record of the agreement or a hold stands; after
-- that it may be freed of the pseudonym it says (Art. 17 GDPR).
CREATE TRIGGER ending_only_unproven BEFORE UPDATE OF statement ON ending
WHEN EXISTS (SELECT 1 FROM audit_entry e WHERE e.participant = OLD.participant AND e.agreement = OLD.agreement
    AND e.type = 'agreement' AND e.record IS NOT NULL)
  OR EXISTS (SELECT 1 FROM agreement a WHERE a.participant = OLD.participant AND a.id = OLD.agreement AND a.state = 'signed')
  OR EXISTS (SELECT 1 FROM hold h WHERE h.participant = OLD.participant AND (h.agreement IS NULL OR h.agreement = OLD.agreement)
    AND h.lifted_at IS NULL) BEGIN
  SELECT RAISE(ABORT, 'ending is append-only');
END;
CREATE TRIGGER deed_only_unproven BEFORE UPDATE ON deed
WHEN EXISTS (SELECT 1 FROM audit_entry e WHERE e.participant = OLD.participant AND e.agreement = OLD.agreement
    AND e.type = 'agreement' AND e.record IS NOT NULL)
  OR EXISTS (SELECT 1 FROM agreement a WHERE a.participant = OLD.participant AND a.id = OLD.agreement AND a.state = 'signed')
  OR EXISTS (SELECT 1 FROM hold h WHERE h.participant = OLD.participant AND (h.agreement IS NULL OR h.agreement = OLD.agreement)
    AND h.lifted_at IS NULL) BEGIN
  SELECT RAISE(ABORT, 'deed is append-only');
END;
