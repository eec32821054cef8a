/* stub_anthropic_refusals.c - answers with a status: what Anthropic says when it will not. */
#include <string.h>

#include "base/arena.h"
#include "t/bin/stub_anthropic.h"

#define NOW "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define LIMIT(name, remaining, reset) "anthropic-ratelimit-" name "-limit: 50\r\nanthropic-ratelimit-" name "-remaining: " remaining \
	"\r\nanthropic-ratelimit-" name "-reset: " reset "\r\n"
#define SLOW "This request would exceed your organization's rate limit of 50 requests per minute."

static const struct {
	const char *name;
	int status;
	const char *headers, *type, *message;
	const char *body;	/* in the place of type and message */
} refusals[] = {
	{"429-after", 429, "Retry-After: 2\r\n", "rate_limit_error", SLOW, NULL},
	{"429-date", 429, NOW "Retry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n", "rate_limit_error", SLOW, NULL},
	{"429-ms", 429, "retry-after-ms: 250\r\nRetry-After: 9\r\n", "rate_limit_error", SLOW, NULL},
	{"429-none", 429, NULL, "rate_limit_error", SLOW, NULL},
	{"429-reset", 429, NOW LIMIT("requests", "49", "1994-11-06T09:00:00Z") LIMIT("input-tokens", "0", "1994-11-06T08:50:07Z"),
	 "rate_limit_error", SLOW, NULL},
	{"429-no-retry", 429, "x-should-retry: false\r\n", "rate_limit_error", SLOW, NULL},
	{"429-quota", 429, NULL, NULL, NULL, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"The spend limit is reached\","
	 "\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}},\"request_id\":\"req_stub\"}"},
	{"500", 500, NULL, "api_error", "Internal server error", NULL},
	{"503", 503, NULL, "overloaded_error", "Service unavailable", NULL},
	{"504", 504, NULL, "timeout_error", "The request took too long", NULL},
	{"524", 524, NULL, NULL, NULL, "error code: 524"},
	{"529", 529, "x-should-retry: true\r\n", "overloaded_error", "Overloaded", NULL},
	{"401", 401, NULL, "authentication_error", "invalid x-api-key", NULL},
	{"402", 402, NULL, "billing_error", "There is a problem with your payment method", NULL},
	{"400-billing", 400, NULL, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to "
	 "Plans & Billing to upgrade or purchase credits.", NULL},
	{"403", 403, NULL, "permission_error", "Your API key does not have permission to use the specified resource", NULL},
	{"404", 404, NULL, "not_found_error", "model: claude-none", NULL},
	{"409", 409, NULL, "conflict_error", "Conflict", NULL},
	{"413", 413, NULL, "request_too_large", "Request exceeds the maximum size", NULL},
	{"400-context", 400, NULL, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", NULL},
	{"400-context-output", 400, NULL, "invalid_request_error", "input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000, "
	 "decrease input length or `max_tokens` and try again", NULL},
	{"400-filter", 400, NULL, "invalid_request_error", "Output blocked by content filtering policy", NULL},
	{"400", 400, NULL, "invalid_request_error", "messages.0.content: bad thing", NULL},
	{"array-error", 529, NULL, NULL, NULL, "[{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}]"},
	{"nested-error", 400, NULL, NULL, NULL, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
	 "\"{\\\"type\\\":\\\"error\\\",\\\"error\\\":{\\\"type\\\":\\\"rate_limit_error\\\",\\\"message\\\":\\\"inner\\\"}}\"}}"},
};

bool anthropic_refuse(struct connection *c, const char *name)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		if (strcmp(refusals[i].name, name) != 0)
			continue;
		if (refusals[i].body)
			add_json(c, refusals[i].status, refusals[i].headers, refusals[i].body);
		else
			anthropic_error(c, refusals[i].status, refusals[i].headers, refusals[i].type, refusals[i].message);
		return true;
	}
	if (strcmp(name, "502-html") == 0)
		add_body(c, 502, "text/html", "<html><body>Bad Gateway</body></html>");
	else if (strcmp(name, "413-html") == 0)	/* from the network in front, which knows no JSON */
		add_body(c, 413, "text/html", "<html><head><title>413 Request Entity Too Large</title></head></html>");
	else
		return false;
	return true;
}
