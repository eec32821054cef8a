-- 0041_events.sql - where attempts stand among the rows of the journal, and the feed of all tasks for those who listen.
--
-- Words:  seq, ended_seq  the last row of the journal when an attempt began, and when it ended without ending its task: its
--                         events have places that nothing moves (5_events.sql). Null for attempts of before.
--         watch           until when somebody may want the feed; nothing is written to it after that. since: the feed is whole
--                         from this transaction on; null while transactions that did not see the watch may run.
--         feed            what a transaction did to a task: rows of the journal behind seq_from up to seq_to, then
--                         the event k, if any. Transactions are in order of their numbers, and read once none with a lower number runs.

ALTER TABLE agentd.task_attempts ADD COLUMN seq bigint, ADD COLUMN ended_seq bigint;

CREATE TABLE agentd.event_watch (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	until timestamptz NOT NULL,
	since xid8
) WITH (fillfactor = 50);
INSERT INTO agentd.event_watch (until) VALUES ('epoch');

CREATE TABLE agentd.event_feed (
	xid xid8 NOT NULL,
	nr bigint GENERATED ALWAYS AS IDENTITY,
	at timestamptz NOT NULL,
	seq_from bigint NOT NULL,
	seq_to bigint NOT NULL,
	k bigint,
	task uuid NOT NULL,
	PRIMARY KEY (xid, nr)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
