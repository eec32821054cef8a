-- A queue as plain as it can be, for pgbench: the yardstick of ./dev bench queue.
DROP TABLE IF EXISTS jobs;
CREATE TABLE jobs (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	state smallint NOT NULL DEFAULT 0,
	worker integer,
	payload jsonb NOT NULL,
	result jsonb,
	at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX jobs_ready ON jobs (id) WHERE state = 0;
