/* show.h - a workflow for people: its row, and the outline of the program that it points at.
 *
 * Shapes:  stored: {"workflow": {row as GET /workflows has it}, "content": the bundle}; ret: the row with "steps", which is null of a
 *          program that this version cannot read.
 * Memory:  the arena given.
 * Errors:  ERR_JSON: the store's text is none.
 * Source:  agentd-api(7), "GET /workflows/NAME"; config/outline.h.
 */
#ifndef PUBLISH_SHOW_H
#define PUBLISH_SHOW_H

#include "base/str.h"

struct arena;
struct err;

/* For the thread pool: a whole program is compiled. */
int show_workflow(struct arena *a, struct str stored, struct str *ret, struct err *err);

#endif
