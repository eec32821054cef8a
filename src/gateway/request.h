/* request.h - a question as the gateway keeps it: checked, and a copy of its own.
 *
 * Shapes:  struct model_request of gateway.h. A conversation is whole when every tool call of an assistant's
 *          message is answered by exactly one ROLE_TOOL message before anybody else speaks.
 * Units:   bytes.
 * Memory:  copies live in the arena given.
 * Errors:  request_check(): ERR_MODEL_INVALID_REQUEST, what every provider would refuse, before any money is reserved.
 * Source:  gateway.h.
 */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include <stddef.h>

#include "gateway/gateway.h"

struct arena;
struct err;

enum { TOOLS_MAX = 128, TOOL_NAME_MAX = 64 };

int request_check(const struct model_request *req, struct err *err);
struct model_request request_copy(struct arena *a, const struct model_request *from);
const struct tool_call *tool_calls_copy(struct arena *a, const struct tool_call *from, size_t n);

#endif
