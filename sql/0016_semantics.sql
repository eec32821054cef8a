-- 0016_semantics.sql - each workflow says which engine its active program needs; submission pins the number to the task (R36).

ALTER TABLE agentd.workflows ADD COLUMN semantics smallint NOT NULL DEFAULT 1;
