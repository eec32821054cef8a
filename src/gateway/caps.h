/* caps.h - the caps that an attempt counts against, and what their refusal means. Pure.
 *
 * Shapes:  a cap of the policy becomes a bound with a key: the sum of whom it is about. A cap about what a question does not have (the
 *          workflow and the task of a call without any) does not concern it. A refusal is the database's JSON, see
 *          sql/functions/3_caps.sql.
 * Units:   _pusd.
 * Memory:  bounds live in the arena given; texts of the policy are referenced.
 * Errors:  none.
 * Source:  agentd-routing(5), "CAPS".
 */
#ifndef GATEWAY_CAPS_H
#define GATEWAY_CAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/routing.h"

struct arena;
struct json;
struct model_request;
struct spend_cap;

const struct spend_cap *caps_of(struct arena *a, const struct routing *r, const struct tier_step *s, const struct model_request *req,
				size_t *ret_n);
/* Only what others hold is in the way. */
bool caps_wait(const struct json *refusal);
/* The strictest word of those that refused: fail before approval before skip. */
enum cap_exceeded caps_word(const struct tier_step *s, const struct json *refusal);

#endif
