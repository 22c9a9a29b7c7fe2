-- A side may state an end that comes sooner than the one it gave notice of: every statement has a row, one of them counts.
CREATE UNIQUE INDEX ending_counts ON ending (participant, agreement, side) WHERE answer <> 'superseded';
