ALTER TABLE ending DROP CONSTRAINT ending_pkey, ADD PRIMARY KEY (participant, agreement, side, sha256);
