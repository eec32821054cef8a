-- 0021_checks.sql - conditions of tables without SQL functions in them.
--
-- A statement reads the conditions of the table it writes anew, and parses the text of every SQL function in them: 0.1 ms a
-- statement and more. Plain comparisons say the same for what is frequent; move_allowed() (plpgsql from here on) for the rest.
-- NOT VALID: the rows that are there were checked by the conditions before.

ALTER TABLE agentd.tasks DROP CONSTRAINT tasks_check;
ALTER TABLE agentd.tasks ADD CONSTRAINT tasks_outcome CHECK (state IS NULL
	OR state >= 'succeeded' AND ended_from IS NOT NULL AND (ended_from = 'running' OR agentd.move_allowed(ended_from, state))) NOT VALID;
ALTER TABLE agentd.task_queue DROP CONSTRAINT task_queue_state_check;
ALTER TABLE agentd.task_queue ADD CONSTRAINT task_queue_state_check CHECK (state < 'succeeded') NOT VALID;

DROP TRIGGER moves ON agentd.task_queue;
CREATE TRIGGER moves AFTER UPDATE OF state ON agentd.task_queue FOR EACH ROW
	WHEN (OLD.state <> NEW.state AND OLD.state <> 'running' AND (OLD.state <> 'ready' OR NEW.state <> 'running')
		AND NOT agentd.move_allowed(OLD.state, NEW.state))
	EXECUTE FUNCTION agentd.refuse_move();
