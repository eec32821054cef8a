-- 0043_artifacts.sql - files that go in and out of tasks (functions/5_artifacts.sql).
--
-- Words:  a file is bytes, kept once by their SHA-256, in pieces of 256 KiB; an artifact is a task's name for one. A file without
--         size and digest is still being written. look_at: when the sweeper looks next whether anybody refers to it; who
--         writes or is about to refer to it moves that an hour ahead.
--         direction in: somebody gave it to the task; out: the task made it. unproven: of a submission that may not have come
--         to its end: the sweeper looks whether the task is there.
--         file_total counts the files that are whole, so that a quota costs one row.

DROP TABLE agentd.artifacts;	-- nothing wrote there

CREATE TABLE agentd.files (
	id uuid PRIMARY KEY,
	created_at timestamptz NOT NULL,
	look_at timestamptz NOT NULL,
	size_bytes bigint CHECK (size_bytes >= 0),
	digest bytea CHECK (octet_length(digest) = 32),
	CHECK ((size_bytes IS NULL) = (digest IS NULL))
);
CREATE UNIQUE INDEX files_digest ON agentd.files (digest);
CREATE INDEX files_look ON agentd.files (look_at);

CREATE TABLE agentd.file_chunks (
	file uuid NOT NULL REFERENCES agentd.files ON DELETE CASCADE,
	nr integer NOT NULL CHECK (nr >= 0),
	content bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 262144),
	PRIMARY KEY (file, nr)
);
ALTER TABLE agentd.file_chunks ALTER COLUMN content SET STORAGE EXTERNAL;	-- most files are compressed already

CREATE TABLE agentd.file_total (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	files bigint NOT NULL,
	size_bytes bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO agentd.file_total (files, size_bytes) VALUES (0, 0);

CREATE TABLE agentd.artifacts (
	id uuid PRIMARY KEY,
	task uuid NOT NULL,
	file uuid NOT NULL REFERENCES agentd.files,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	unproven boolean NOT NULL DEFAULT false,
	size_bytes bigint NOT NULL,
	name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
	direction text COLLATE "C" NOT NULL CHECK (direction IN ('in', 'out')),
	step text COLLATE "C",
	media_type text NOT NULL CHECK (octet_length(media_type) <= 255),
	effect_key bytea,
	UNIQUE (task, name)
);
CREATE INDEX artifacts_file ON agentd.artifacts (file);
CREATE INDEX artifacts_expiry ON agentd.artifacts (expires_at);
CREATE INDEX artifacts_unproven ON agentd.artifacts (created_at) WHERE unproven;
