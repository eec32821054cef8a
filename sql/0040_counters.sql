-- 0040_counters.sql - what all processes counted, so that one look tells all (functions/8_metrics.sql).
--
-- Words:  name and labels are a series of /metrics; value has one element, or a histogram's buckets and sum. A process reports what is
--         new since its last report, with a number one higher than before: a report sent again is not counted twice.
--         ended_news: one row for each task that ended without a worker. It has no key: who ends tasks waits for nobody.

CREATE TABLE agentd.counters (
	name text COLLATE "C" NOT NULL,
	labels text COLLATE "C" NOT NULL,
	value numeric[] NOT NULL,
	PRIMARY KEY (name, labels)
) WITH (fillfactor = 50);
CREATE TABLE agentd.counter_reports (
	source uuid PRIMARY KEY,
	serial bigint NOT NULL,
	reported_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE agentd.ended_news (
	workflow text NOT NULL,
	state agentd.task_state NOT NULL
);
