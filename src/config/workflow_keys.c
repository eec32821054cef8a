/* workflow_keys.c - every key of a workflow: the tables. */
#include "config/lane.h"
#include "config/workflow_load.h"

#define NAME_PATTERN "^[a-z][a-z0-9-]{0,62}$"
#define NAME_TEXT "a lower-case letter, then letters, digits and -"
#define ID_PATTERN "^[a-z][a-z0-9_]{0,62}$"
#define ID_TEXT "a lower-case letter, then letters, digits and _"
#define TOOL_PATTERN "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)+$"
#define TOOL_TEXT "a tool's name such as web.fetch"

static const char *const retain_words[] = {"short", "long", NULL};
static const char *const backoff_words[] = {"fixed", "exponential", NULL};
static const char *const truncate_words[] = {"oldest", "summarise", NULL};
static const char *const on_error_words[] = {"fail", "collect", "skip", NULL};

static const struct key budget_keys[] = {
	{.name = "usd", .type = KEY_MONEY, .offset = offsetof(struct budget, usd_pusd),
	 .text = "Most that models may cost, in US dollars."},
	{.name = "wall", .type = KEY_DURATION, .offset = offsetof(struct budget, wall_ms), .min = 1,
	 .text = "Longest time from start to end, waiting included."},
	{.name = "turns", .type = KEY_INT, .offset = offsetof(struct budget, turns), .max = 1000000,
	 .text = "Most model turns."},
	{.name = "calls", .type = KEY_INT, .offset = offsetof(struct budget, calls), .max = 1000000,
	 .text = "Most tool calls."},
};
const struct key_table budget_table = {"budget", KEYS(budget_keys), "Bounds of a task or a step."};

static const struct key retry_keys[] = {
	{.name = "max", .type = KEY_INT, .flags = KEY_REQUIRED, .offset = offsetof(struct retry_policy, max), .max = 100,
	 .text = "How many times to try again after the first failure."},
	{.name = "delay", .type = KEY_DURATION, .offset = offsetof(struct retry_policy, delay_ms), .preset = "1s",
	 .text = "Pause before the first retry."},
	{.name = "backoff", .type = KEY_ENUM, .offset = offsetof(struct retry_policy, exponential), .words = backoff_words,
	 .read = read_backoff, .preset = "fixed", .text = "Whether the pause stays or doubles from retry to retry."},
	{.name = "cap", .type = KEY_DURATION, .offset = offsetof(struct retry_policy, cap_ms), .preset = "60s",
	 .text = "Longest pause."},
	{.name = "on", .type = KEY_TEXTS, .offset = offsetof(struct retry_policy, on),
	 .offset_n = offsetof(struct retry_policy, n_on), .min = 1, .read = read_retry_on,
	 .text = "Error types (tool.timeout, model.*) that are retried; default: every retryable one."},
};
static const struct key_table retry_table = {"retry", KEYS(retry_keys), "When and how to try a step again."};

static const struct key step_keys[] = {
	{.name = "id", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct step, id), .pattern = ID_PATTERN,
	 .pattern_text = ID_TEXT, .text = "Name of the step, unique in the file; its durable address."},
	{.name = "when", .type = KEY_EXPR, .offset = offsetof(struct step, when),
	 .text = "Condition: the step is skipped when it gives false or null."},
	{.name = "then", .type = KEY_TEXT, .offset = offsetof(struct step, then), .read = read_link,
	 .text = "Step of the same list to go on with, or end; default: the next one."},
	{.name = "catch", .type = KEY_TEXT, .offset = offsetof(struct step, catch), .read = read_link,
	 .text = "Step of the same list to go on with after the last try failed."},
	{.name = "timeout", .type = KEY_DURATION, .offset = offsetof(struct step, timeout_ms), .min = 1,
	 .text = "Longest time of each try."},
	{.name = "budget", .type = KEY_MAP, .offset = offsetof(struct step, budget), .table = &budget_table,
	 .read = read_budget, .text = "Bounds of this step."},
	{.name = "retry", .type = KEY_MAP, .offset = offsetof(struct step, retry), .table = &retry_table,
	 .text = "When and how to try again."},
	{.name = "risk", .type = KEY_ENUM, .offset = offsetof(struct step, risk), .words = risk_words, .base = RISK_LOW,
	 .text = "Risk of the step; raises what the policy says, never lowers it."},
};
const struct key_table step_table = {"a step", KEYS(step_keys), "One step of a workflow."};

static const struct key workflow_keys[] = {
	KEY_VERSION,
	{.name = "name", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct workflow, name),
	 .pattern = NAME_PATTERN, .pattern_text = NAME_TEXT, .text = "Name by which tasks are submitted."},
	{.name = "description", .type = KEY_TEXT, .offset = offsetof(struct workflow, description), .max = 2000,
	 .text = "What the workflow is for."},
	{.name = "input", .type = KEY_SCHEMA, .offset = offsetof(struct workflow, input),
	 .offset_n = offsetof(struct workflow, input_check), .read = read_schema,
	 .text = "JSON Schema of the input, or a file that holds it; default: any object."},
	{.name = "budget", .type = KEY_MAP, .offset = offsetof(struct workflow, budget), .table = &budget_table,
	 .read = read_budget, .text = "Bounds of a task."},
	{.name = "retain", .type = KEY_ENUM, .offset = offsetof(struct workflow, retain), .words = retain_words,
	 .preset = "short", .text = "How long finished tasks are kept."},
	{.name = "lane", .type = KEY_TEXT, .offset = offsetof(struct workflow, lane), .preset = "default",
	 .pattern = LANE_PATTERN, .pattern_text = LANE_TEXT,
	 .text = "What its worker must be able to do: a lane that workers serve by name."},
	{.name = "schedule", .type = KEY_ANY, .flags = KEY_LATER, .text = "Start tasks by the clock."},
	{.name = "concurrency", .type = KEY_ANY, .flags = KEY_LATER, .text = "Bound on tasks that run at once."},
	{.name = "steps", .type = KEY_STEPS, .flags = KEY_REQUIRED, .read = read_steps,
	 .text = "The steps, read top to bottom."},
	{.name = "output", .type = KEY_TMPL, .offset = offsetof(struct workflow, output),
	 .text = "Result of the task; default: the output of the last top-level step that ran."},
};
const struct key_table workflow_table = {"a workflow", KEYS(workflow_keys), "A workflow: workflows/NAME.yaml."};

/* --- kinds --- */

static const struct key set_keys[] = {
	{.name = "set", .type = KEY_ANY, .read = read_set, .text = "Variables to write to .vars, by name."},
};

#define PERSON_KEYS \
	{.name = "show", .type = KEY_TMPL, .offset = offsetof(struct step_ask, show), \
	 .text = "Value that is shown to whoever decides."}, \
	{.name = "risk", .type = KEY_ENUM, .offset = offsetof(struct step_ask, risk), .words = risk_words, .base = RISK_LOW, \
	 .text = "Risk that is shown; never lower than that of the step and of the policy."}, \
	{.name = "approvers", .type = KEY_INT, .offset = offsetof(struct step_ask, approvers), .min = 1, .max = 10, .preset = "1", \
	 .text = "How many different people have to approve; with more than one, not whoever submitted the task."}, \
	{.name = "timeout", .type = KEY_DURATION, .offset = offsetof(struct step_ask, timeout_ms), .min = 1, .preset = "24h", \
	 .text = "How long an answer is waited for."}, \
	{.name = "on_timeout", .type = KEY_TEXT, .offset = offsetof(struct step_ask, on_timeout), .read = read_on_timeout, \
	 .text = "Without an answer: deny (default), fail with approval.timeout, or the step of the same list to go on with."}

static const struct key approve_map[] = {
	{.name = "title", .type = KEY_TMPL, .flags = KEY_REQUIRED, .offset = offsetof(struct step_ask, title),
	 .text = "The question, in one line."},
	{.name = "form", .type = KEY_SCHEMA, .offset = offsetof(struct step_ask, form), .offset_n = offsetof(struct step_ask, form_check),
	 .read = read_schema,
	 .text = "JSON Schema of an answer that is asked for beside the decision, or a file that holds it."},
	PERSON_KEYS,
};
static const struct key_table approve_table = {"approve", KEYS(approve_map), "A question to a person."};
static const struct key approve_keys[] = {
	{.name = "approve", .type = KEY_MAP, .offset = offsetof(struct step, ask), .table = &approve_table, .read = read_ask,
	 .text = "Ask a person to approve."},
};

static const struct key ask_map[] = {
	{.name = "title", .type = KEY_TMPL, .offset = offsetof(struct step_ask, title),
	 .text = "The question, in one line; default: the name of the tool."},
	PERSON_KEYS,
};
static const struct key_table ask_table = {"ask", KEYS(ask_map), "The approval of a call."};

static const struct key call_keys[] = {
	{.name = "call", .type = KEY_TEXT, .offset = offsetof(struct step_call, tool), .read = read_call,
	 .pattern = TOOL_PATTERN, .pattern_text = TOOL_TEXT, .text = "Call a tool."},
	{.name = "with", .type = KEY_ANY, .read = read_with, .text = "Arguments of the tool."},
	{.name = "ask", .type = KEY_MAP, .offset = offsetof(struct step, ask), .table = &ask_table, .read = read_ask,
	 .text = "Ask a person to approve this very call before it is made."},
};

/* What model and agent have in common: struct step_agent begins with a struct step_model. */
#define ASK_KEYS \
	{.name = "tier", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct step_model, tier), .min = 1, \
	 .read = read_tier, \
	 .text = "Tier of policies/routing.yaml that chooses the model."}, \
	{.name = "system", .type = KEY_TMPL, .offset = offsetof(struct step_model, system), .read = read_prompt, \
	 .text = "System prompt: a text, or a file that ends in .md or .txt."}, \
	{.name = "prompt", .type = KEY_TMPL, .flags = KEY_REQUIRED, .offset = offsetof(struct step_model, prompt), \
	 .read = read_prompt, .text = "Prompt: a text, or a file that ends in .md or .txt."}, \
	{.name = "context", .type = KEY_TMPL, .offset = offsetof(struct step_model, context), \
	 .text = "Value appended to the prompt: text as it is, anything else as compact JSON."}, \
	{.name = "output", .type = KEY_SCHEMA, .offset = offsetof(struct step_model, output), \
	 .offset_n = offsetof(struct step_model, output_check), .read = read_schema, \
	 .text = "JSON Schema of the answer, or a file that holds it; default: plain text."}, \
	{.name = "images", .type = KEY_ANY, .flags = KEY_LATER, .text = "Images to show to the model."}, \
	{.name = "max_output", .type = KEY_INT64, .offset = offsetof(struct step_model, max_output), .min = 1, \
	 .max = 10000000, .text = "Most tokens of the answer; default: the model's."}, \
	{.name = "temperature", .type = KEY_NUMBER, .offset = offsetof(struct step_model, temperature), .max = 2, \
	 .text = "Sampling temperature from 0 to 2; default: the model's."}

static const struct key model_map[] = {ASK_KEYS};
static const struct key_table model_table = {"model", KEYS(model_map), "One question to a model."};
static const struct key model_keys[] = {
	{.name = "model", .type = KEY_MAP, .offset = offsetof(struct step, u.model), .table = &model_table,
	 .read = read_model, .text = "Ask a model once."},
};

static const struct key agent_map[] = {
	ASK_KEYS,
	{.name = "tools", .type = KEY_TEXTS, .flags = KEY_REQUIRED, .offset = offsetof(struct step_agent, tools),
	 .offset_n = offsetof(struct step_agent, n_tools), .min = 1, .max = 64, .pattern = TOOL_PATTERN, .pattern_text = TOOL_TEXT,
	 .read = read_agent_tools, .text = "Tools that the model may call; no others exist for it."},
	{.name = "max_turns", .type = KEY_INT, .offset = offsetof(struct step_agent, max_turns), .min = 1, .max = 1000, .preset = "10",
	 .text = "Most answers of the model, repairs included."},
	{.name = "truncate", .type = KEY_ENUM, .offset = offsetof(struct step_agent, truncate), .words = truncate_words,
	 .base = TRUNCATE_OLDEST,
	 .text = "What to leave out when the conversation has outgrown the model's context; default: the step fails."},
};
static const struct key_table agent_table = {"agent", KEYS(agent_map), "A model that calls tools until it has an answer."};
static const struct key agent_keys[] = {
	{.name = "agent", .type = KEY_MAP, .offset = offsetof(struct step, u.agent), .table = &agent_table, .read = read_agent,
	 .text = "Let a model work with tools."},
};

static const struct key edge_keys[] = {
	{.name = "when", .type = KEY_EXPR, .offset = offsetof(struct switch_edge, when),
	 .text = "Condition; without it the edge is the default."},
	{.name = "then", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct switch_edge, then),
	 .read = read_link, .text = "Step of the same list to go on with, or end."},
	{.name = "max_visits", .type = KEY_INT, .offset = offsetof(struct switch_edge, max_visits), .min = 1,
	 .max = 1000000, .text = "How many times the edge may be taken; the next one fails with budget.visits."},
};
static const struct key_table edge_table = {"an edge of a switch", KEYS(edge_keys), "One way out of a switch."};
static const struct key switch_keys[] = {
	{.name = "switch", .type = KEY_MAPS, .offset = offsetof(struct step, u.sw), .table = &edge_table,
	 .read = read_switch, .text = "Edges; the first whose condition holds is taken, without any the next step follows."},
};

static const struct key for_map[] = {
	{.name = "in", .type = KEY_EXPR, .flags = KEY_REQUIRED, .offset = offsetof(struct step_for, in),
	 .text = "The array to go through."},
	{.name = "as", .type = KEY_TEXT, .offset = offsetof(struct step_for, as), .pattern = ID_PATTERN,
	 .pattern_text = ID_TEXT, .read = read_as, .text = "Variable that holds the item besides .item."},
	{.name = "parallel", .type = KEY_INT, .offset = offsetof(struct step_for, parallel), .min = 1, .max = 1000,
	 .preset = "1", .text = "How many items are worked on at once."},
	{.name = "on_error", .type = KEY_ENUM, .offset = offsetof(struct step_for, on_error), .words = on_error_words,
	 .preset = "fail", .text = "What a failed item does: fail the loop, stand as {error}, or be left out."},
	{.name = "output", .type = KEY_TMPL, .offset = offsetof(struct step_for, output), .read = read_for_output,
	 .text = "What each item gives; default: the output of its last step that ran."},
	{.name = "do", .type = KEY_STEPS, .flags = KEY_REQUIRED, .offset = offsetof(struct step_for, body), .read = read_do,
	 .text = "The steps for each item."},
};
static const struct key_table for_table = {"for", KEYS(for_map), "A loop over an array."};
static const struct key for_keys[] = {
	{.name = "for", .type = KEY_MAP, .offset = offsetof(struct step, u.loop), .table = &for_table, .read = read_for,
	 .text = "Do steps for each item of an array."},
};

static const struct key wait_map[] = {
	{.name = "until", .type = KEY_TMPL, .flags = KEY_REQUIRED, .offset = offsetof(struct step_wait, until),
	 .read = read_until, .text = "RFC 3339 time, or an expression that gives one."},
};
static const struct key_table wait_table = {"wait", KEYS(wait_map), "A pause."};
static const struct key wait_keys[] = {
	{.name = "wait", .type = KEY_DURATION, .offset = offsetof(struct step, u.wait), .table = &wait_table,
	 .read = read_wait, .min = 0, .text = "Wait for a duration, or {until: TIME}."},
};

static const struct key raise_map[] = {
	{.name = "type", .type = KEY_TMPL, .flags = KEY_REQUIRED, .offset = offsetof(struct step_raise, type),
	 .read = read_type, .text = "Type of the error: words joined by dots."},
	{.name = "message", .type = KEY_TMPL, .flags = KEY_REQUIRED, .offset = offsetof(struct step_raise, message),
	 .text = "Message of the error."},
	{.name = "retryable", .type = KEY_BOOL, .offset = offsetof(struct step_raise, retryable), .preset = "false",
	 .text = "Whether a retry may help."},
};
static const struct key_table raise_table = {"raise", KEYS(raise_map), "An error made by the workflow."};
static const struct key raise_keys[] = {
	{.name = "raise", .type = KEY_MAP, .offset = offsetof(struct step, u.raise), .table = &raise_table,
	 .read = read_raise, .text = "Fail with an error of one's own."},
};

const struct step_row step_rows[STEP_KINDS] = {
	[STEP_SET] = {"set", STEP_SET, {"a set step", KEYS(set_keys), NULL}},
	[STEP_CALL] = {"call", STEP_CALL, {"a call step", KEYS(call_keys), NULL}},
	[STEP_MODEL] = {"model", STEP_MODEL, {"a model step", KEYS(model_keys), NULL}},
	[STEP_AGENT] = {"agent", STEP_AGENT, {"an agent step", KEYS(agent_keys), NULL}},
	[STEP_SWITCH] = {"switch", STEP_SWITCH, {"a switch step", KEYS(switch_keys), NULL}},
	[STEP_FOR] = {"for", STEP_FOR, {"a for step", KEYS(for_keys), NULL}},
	[STEP_WAIT] = {"wait", STEP_WAIT, {"a wait step", KEYS(wait_keys), NULL}},
	[STEP_RAISE] = {"raise", STEP_RAISE, {"a raise step", KEYS(raise_keys), NULL}},
	[STEP_APPROVE] = {"approve", STEP_APPROVE, {"an approve step", KEYS(approve_keys), NULL}},
};

const char *const step_kinds_later[] = {"run", "while", "fork", "try", "listen",
					"emit", "recall", "remember", NULL};

const char *step_kind_name(enum step_kind k)
{
	return step_rows[k].name;
}
