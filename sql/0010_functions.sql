-- 0010_functions.sql - what is in functions/ is not numbered: it is replaced as a whole whenever its text has changed.
--
-- Tables change by numbered files, each applied once. A function whose signature changes is dropped by a numbered file one
-- version later, so that an older program goes on working meanwhile.

CREATE TABLE agentd.schema_functions (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	digest bytea NOT NULL,
	applied_at timestamptz NOT NULL
);
