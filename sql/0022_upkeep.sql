-- 0022_upkeep.sql - when upkeep that destroys last saw the time.
--
-- Words:  a jump: the clock stands an hour before, or more than a week behind, what the last run saw. Nobody can tell a clock
--         that was set wrong from one that was put right or from a long rest, so that after a jump nothing is destroyed before
--         the clock was seen to go on for a day, in steps of no more than 12 hours: trusted_from.

CREATE TABLE agentd.upkeep (
	duty text PRIMARY KEY,
	seen_at timestamptz NOT NULL,
	trusted_from timestamptz NOT NULL
);
