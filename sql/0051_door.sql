-- 0051_door.sql - calls of models that belong to no task: programs make them through the OpenAI-compatible routes.
--
-- Words:  token: who asked, as in tasks.submitted_by; null: a task did, and task names it. Of a call with a token task is the
--         question's own id, and there is no such task; its holds in spend_hold have that id, too.

ALTER TABLE agentd.model_calls ADD COLUMN token text;
