/* stub_openai_refusals.c - answers with a status: what providers say when they will not. */
#include <string.h>

#include "t/bin/stub_openai.h"

/* Refusals: a status, header lines and a body. */
static const struct {
	const char *name;
	int status;
	const char *headers, *type, *code, *message;
	const char *body;	/* in the place of type, code and message */
} refusals[] = {
	{"429-after", 429, "Retry-After: 2\r\n", "requests", "rate_limit_exceeded", "slow down", NULL},
	{"429-date", 429, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n", "requests",
	 "rate_limit_exceeded", "slow down", NULL},
	{"429-ms", 429, "retry-after-ms: 250\r\nRetry-After: 9\r\n", "requests", "rate_limit_exceeded", "slow down", NULL},
	{"429-none", 429, NULL, "tokens", "rate_limit_exceeded", "Rate limit reached for m on tokens per min (TPM): "
	 "Limit 9000, Used 8999, Requested 20. Please try again in 1.4s.", NULL},
	{"429-quota", 429, NULL, "insufficient_quota", "insufficient_quota", "You exceeded your current quota", NULL},
	{"429-perminute", 429, NULL, NULL, NULL, NULL,
	 "[{\"error\":{\"code\":429,\"message\":\"Quota exceeded. Please retry in 36.429760048s.\",\"status\":\"RESOURCE_EXHAUSTED\","
	 "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":"
	 "\"GenerateRequestsPerMinutePerProjectPerModel\"}]},{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
	 "\"retryDelay\":\"36.4s\"}]}}]"},
	{"429-perday", 429, NULL, NULL, NULL, NULL,
	 "[{\"error\":{\"code\":429,\"message\":\"Quota exceeded, limit: 20, model: m\",\"status\":\"RESOURCE_EXHAUSTED\","
	 "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":"
	 "\"GenerateRequestsPerDayPerProjectPerModel-FreeTier\"}]}]}}]"},
	{"429-limit0", 429, NULL, NULL, NULL, NULL,
	 "[{\"error\":{\"code\":429,\"message\":\"Quota exceeded, limit: 0, model: m\",\"status\":\"RESOURCE_EXHAUSTED\"}}]"},
	{"500", 500, NULL, "server_error", NULL, "The server had an error", NULL},
	{"503", 503, NULL, "server_error", NULL, "overloaded", "{\"error\":{\"message\":\"The engine is overloaded\"}}"},
	{"524", 524, NULL, NULL, NULL, NULL, "error code: 524"},
	{"529", 529, NULL, "overloaded_error", NULL, "Overloaded", NULL},
	{"401", 401, NULL, "invalid_request_error", "invalid_api_key", "Incorrect API key provided", NULL},
	{"400-key", 400, NULL, NULL, NULL, NULL,
	 "[{\"error\":{\"code\":400,\"message\":\"API key not valid.\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":"
	 "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\"}]}}]"},
	{"402", 402, NULL, NULL, NULL, NULL, "{\"error\":{\"code\":402,\"message\":\"Insufficient credits\"}}"},
	{"402-key", 402, NULL, NULL, NULL, NULL,
	 "{\"error\":{\"code\":402,\"message\":\"Key limit\",\"metadata\":{\"limit_source\":\"openrouter_key_limit\"}}}"},
	{"402-flight", 402, "Retry-After: 1\r\n", NULL, NULL, NULL,
	 "{\"error\":{\"code\":402,\"message\":\"Too much in flight\",\"metadata\":{\"limit_source\":\"openrouter_in_flight_budget\"}}}"},
	{"403-flagged", 403, NULL, NULL, NULL, NULL,
	 "{\"error\":{\"code\":403,\"message\":\"flagged\",\"metadata\":{\"reasons\":[\"violence\"],\"flagged_input\":\"x\"}}}"},
	{"404", 404, NULL, "invalid_request_error", "model_not_found", "The model does not exist", NULL},
	{"400-context", 400, NULL, "invalid_request_error", "context_length_exceeded", "maximum context length is 10 tokens", NULL},
	{"400-context-router", 400, NULL, NULL, NULL, NULL,
	 "{\"error\":{\"code\":400,\"message\":\"Provider returned error\",\"metadata\":{\"error_type\":\"context_length_exceeded\"}}}"},
	{"404-free", 404, NULL, NULL, NULL, NULL,
	 "{\"error\":{\"code\":404,\"message\":\"No endpoints found for vendor/model:free.\"}}"},
	{"429-full", 429, NULL, NULL, NULL, NULL,
	 "{\"error\":{\"code\":429,\"message\":\"all providers are busy\",\"availability\":{\"retryable\":true,\"retry_after\":0.05}}}"},
	{"400", 400, NULL, "invalid_request_error", NULL, "bad thing", NULL},
	{"array-error", 400, NULL, NULL, NULL, NULL, "[{\"error\":{\"code\":503,\"message\":\"overloaded\",\"status\":\"UNAVAILABLE\"}}]"},
	{"nested-error", 400, NULL, NULL, NULL, NULL,
	 "{\"error\":{\"code\":400,\"message\":\"{\\\"error\\\":{\\\"code\\\":429,\\\"status\\\":\\\"RESOURCE_EXHAUSTED\\\","
	 "\\\"message\\\":\\\"inner\\\"}}\"}}"},
};

bool play_status(struct connection *c, const char *name)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		if (strcmp(refusals[i].name, name) != 0)
			continue;
		if (refusals[i].body)
			add_json(c, refusals[i].status, refusals[i].headers, refusals[i].body);
		else
			add_error(c, refusals[i].status, refusals[i].headers, refusals[i].type, refusals[i].code,
				  refusals[i].message);
		return true;
	}
	if (strcmp(name, "502-html") != 0)
		return false;
	add_body(c, 502, "text/html", "<html><body>Bad Gateway</body></html>");
	return true;
}
