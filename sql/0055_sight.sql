-- 0055_sight.sql - of a model call, what was asked of the model beyond the question, and how its answer ended.
--
-- Words:  operation: what was wanted of it, as OpenTelemetry names it. wire: how the provider was spoken to; with its name it says whose
--         model it was. Null: calls of before.

ALTER TABLE agentd.model_calls
	ADD COLUMN max_output bigint,
	ADD COLUMN temperature double precision,	-- null: not given
	ADD COLUMN operation text CHECK (operation IN ('chat', 'embeddings')),
	ADD COLUMN wire text,
	ADD COLUMN finish_reason text;			-- null: there was no whole answer
