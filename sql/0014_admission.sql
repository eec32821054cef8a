-- 0014_admission.sql - whether work may come in (R46): what each sweeper measured last.
--
-- Words:  source: the host of the sweeper. level: 0 open; 1 no submissions; 2 nor claims; 3 nor files. A verdict holds until
--         holds_until, unless it is renewed; then it counts as open.
-- Plans:  submissions and claims look for a closed door alone, in an index that is empty while all are open. A renewal that leaves
--         the level as it was touches no index.

CREATE TABLE agentd.admission (
	source text COLLATE "C" PRIMARY KEY,
	measured_at timestamptz NOT NULL,
	holds_until timestamptz NOT NULL,
	level smallint NOT NULL CHECK (level BETWEEN 0 AND 3),
	why text,			-- for everybody: names no paths
	causes json NOT NULL		-- for operators: [{name, level, detail, since?}]
) WITH (fillfactor = 50);
CREATE INDEX admission_closed ON agentd.admission (source) WHERE level > 0;
