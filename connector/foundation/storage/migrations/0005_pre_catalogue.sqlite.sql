-- Whoever changes a row, however: the count goes up in the same transaction.
CREATE TRIGGER dataset_insert AFTER INSERT ON dataset BEGIN
  INSERT INTO catalogue (participant, version) VALUES (NEW.participant, 1) ON CONFLICT (participant) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER dataset_update AFTER UPDATE ON dataset BEGIN
  INSERT INTO catalogue (participant, version) VALUES (NEW.participant, 1) ON CONFLICT (participant) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER dataset_delete AFTER DELETE ON dataset BEGIN
  INSERT INTO catalogue (participant, version) VALUES (OLD.participant, 1) ON CONFLICT (participant) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER offer_insert AFTER INSERT ON offer BEGIN
  INSERT INTO catalogue (participant, version) VALUES (NEW.participant, 1) ON CONFLICT (participant) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER offer_update AFTER UPDATE ON offer BEGIN
  INSERT INTO catalogue (participant, version) VALUES (NEW.participant, 1) ON CONFLICT (participant) DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER offer_delete AFTER DELETE ON offer BEGIN
  INSERT INTO catalogue (participant, version) VALUES (OLD.participant, 1) ON CONFLICT (participant) DO UPDATE SET version = version + 1;
END;
