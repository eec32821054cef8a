/* agent.h - an agent's conversation: from what the journal holds to what the model is shown, and from what the model asks for to
 * calls. Pure.
 *
 * Shapes:  a turn is one answer of the model (state.h, struct turn). Its calls become steps of kind call, with constant
 *          arguments, so that everything that holds for a call in a workflow holds for them. The messages follow from the turns
 *          alone: the same bytes after a restart. What a model wrote is data: its arguments are parsed as JSON and nothing else.
 * Memory:  results live in the arena given and point into the turns.
 * Errors:  ERR_TOOL_UNKNOWN, ERR_TOOL_ARGS of a call that cannot be made; ERR_IDENTICAL_CALLS.
 */
#ifndef ENGINE_AGENT_H
#define ENGINE_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct err;
struct json;
struct message;
struct model_tool;
struct node;
struct program;
struct step;
struct step_agent;
struct turn;
struct workflow;

enum { IDENTICAL_WARNED = 3, IDENTICAL_STOPPED = 4 };	/* calls with the same tool and arguments in a row */

/* Of a turn.succeeded row; outputs and errors are not filled. false: it is none. */
bool agent_turn_read(const struct json *row, struct turn *ret);

/* One step that makes the call. Its tool or its arguments are missing when there is no such tool, or they are no object. */
const struct program *agent_call_program(struct arena *a, const struct step *agent, const struct json *call, size_t k);
/* Why the call of this node cannot be made. */
int agent_call_check(const struct node *n, struct err *err);

/* -1 when one of the calls that come after the node's turns would be the fourth of its kind in a row. */
int agent_check_identical(struct arena *a, const struct node *n, const struct json *calls, struct err *err);

/* How many answers were repaired so far. */
int agent_repairs(const struct node *n);

const struct model_tool *agent_tools(struct arena *a, const struct step_agent *s, const struct workflow *w);
/* What was said since the first n messages of v, which has room for agent_max_messages(). Returns how many there are. */
size_t agent_messages(struct arena *a, const struct node *n, struct message *v, size_t count);
size_t agent_max_messages(const struct node *n);
/* How many turns to leave out when what was sent does not fit: one part in `parts` of the conversation at least. The present number when
 * nothing more can be left out. */
int agent_leave_out(const struct node *n, size_t parts);
/* What to ask for a summary of the turns up to n->summarise, given the question of the step. */
struct str agent_summary_question(struct arena *a, const struct node *n, struct str question);

#endif
