/* anthropic_error.h - refusals of Anthropic's servers: those of refusal.h, and how long a limit lasts.
 *
 * Shapes:  anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{remaining,reset}: a limit of which nothing
 *          remains is waited for until its reset (RFC 3339), by the server's own clock.
 * Units:   milliseconds.
 * Memory:  the arena given is scratch.
 * Errors:  this function makes them (refusal.h). Always -1.
 * Source:  Anthropic's API reference, "Rate limits" and "Errors".
 */
#ifndef GATEWAY_ANTHROPIC_ERROR_H
#define GATEWAY_ANTHROPIC_ERROR_H

struct arena;
struct err;
struct http_result;

int anthropic_error_of_answer(struct arena *a, const struct http_result *r, struct err *err);

#endif
