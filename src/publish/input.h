/* input.h - the input of a submission against the schema of the workflow that is active now.
 *
 * Shapes:  compiled schemas by the name of the workflow, each with the digest of its bundle. What is known can say that an
 *          input fits. Where it does not, or nothing is known, the database is asked. Every answer to a submission names the
 *          bundle that it got: where that is another one, what was known is forgotten. So the first submission after a reload
 *          is looked at by the schema of before, and again when a worker begins the task.
 * Memory:  the cache lives in the arena given; schemas in arenas below it.
 * Errors:  a workflow that is not active is nothing to complain of here: the submission itself says so.
 * Source:  sql/functions/1_submit.sql (input_schema)
 */
#ifndef PUBLISH_INPUT_H
#define PUBLISH_INPUT_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct inputs;
struct schema_faults;
struct submission;

struct inputs *inputs_new(struct arena *a);
/* By what is known. */
bool inputs_fit(const struct inputs *c, const struct submission *s);
/* answer: tasks_input_schema()'s text, STR_NONE of no active workflow. true: go on and submit (also where the key was used
 * before: its first answer counts). */
bool inputs_judge(struct inputs *c, const struct submission *s, struct str answer, struct schema_faults *ret);
/* body: of the answer to the submission. */
void inputs_learn(struct inputs *c, const struct submission *s, struct str body);

#endif
