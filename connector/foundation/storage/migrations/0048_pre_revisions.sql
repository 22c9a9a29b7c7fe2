-- Replicas see by the number which participants have changed, and load those alone (decision 0091).
ALTER TABLE participant ADD COLUMN revision {int} NOT NULL DEFAULT 0;
