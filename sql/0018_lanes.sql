-- 0018_lanes.sql - the lanes that tasks stand in, so that a claim finds those its worker serves without looking through the queue.
--
-- Words:  a lane names what a worker must be able to do. A task that needs several stands in one lane of its own, the names in
--         order with + between: parts are they. Rows are few (one per combination that was ever needed) and stay.

CREATE TABLE agentd.lanes (
	name text COLLATE "C" PRIMARY KEY,
	parts text[] COLLATE "C" NOT NULL CHECK (cardinality(parts) > 0)
);
INSERT INTO agentd.lanes (name, parts)
SELECT lane, string_to_array(lane, '+') FROM (
	SELECT 'default' AS lane UNION SELECT lane FROM agentd.workflows UNION SELECT lane FROM agentd.task_queue
	UNION SELECT unnest(lanes) FROM agentd.workers) l;
