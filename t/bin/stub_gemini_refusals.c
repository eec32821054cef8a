/* stub_gemini_refusals.c - answers with a status: what Google says when it will not. */
#include <string.h>

#include "t/bin/stub_gemini.h"

#define TYPE(name) "{\"@type\":\"type.googleapis.com/google.rpc." name "\","
#define QUOTA(id, value) TYPE("QuotaFailure") "\"violations\":[{\"quotaMetric\":" \
	"\"generativelanguage.googleapis.com/generate_content_free_tier_requests\",\"quotaId\":\"" id "\"," \
	"\"quotaDimensions\":{\"location\":\"global\",\"model\":\"stub\"},\"quotaValue\":\"" value "\"}]}"
#define HELP TYPE("Help") "\"links\":[{\"description\":\"Learn more about Gemini API quotas\"," \
	"\"url\":\"https://ai.google.dev/gemini-api/docs/rate-limits\"}]}"
#define RETRY(delay) TYPE("RetryInfo") "\"retryDelay\":\"" delay "\"}"
#define REASON(word) TYPE("ErrorInfo") "\"reason\":\"" word "\",\"domain\":\"googleapis.com\"}"
#define EXCEEDED "You exceeded your current quota, please check your plan and billing details."
#define METRIC "\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: "

static const struct {
	const char *name;
	int status;
	const char *word, *message, *details;
} refusals[] = {
	{"429-perminute", 429, "RESOURCE_EXHAUSTED", EXCEEDED METRIC "15, model: stub\nPlease retry in 36.429760048s.",
	 "[" QUOTA("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "15") "," HELP "," RETRY("36s") "]"},
	{"429-perday", 429, "RESOURCE_EXHAUSTED", EXCEEDED METRIC "20, model: stub\nPlease retry in 36.429760048s.",
	 "[" QUOTA("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "20") "," HELP "," RETRY("36s") "]"},
	{"429-both", 429, "RESOURCE_EXHAUSTED", EXCEEDED,
	 "[" QUOTA("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "15") ","
	 QUOTA("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "20") "," RETRY("12s") "]"},
	{"429-limit0", 429, "RESOURCE_EXHAUSTED", EXCEEDED METRIC "0, model: stub\nPlease retry in 12s.",
	 "[" QUOTA("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "0") "," HELP "," RETRY("12s") "]"},
	{"429-none", 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", NULL},
	{"429-fraction", 429, "RESOURCE_EXHAUSTED", EXCEEDED,
	 "[" QUOTA("GenerateContentInputTokensPerModelPerMinute", "250000") "," RETRY("0.245837906s") "]"},
	{"429-zero", 429, "RESOURCE_EXHAUSTED", EXCEEDED, "[" RETRY("0s") "]"},
	{"500", 500, "INTERNAL", "An internal error has occurred. Please retry or report in "
	 "https://developers.generativeai.google/guide/troubleshooting", NULL},
	{"503", 503, "UNAVAILABLE", "The model is overloaded. Please try again later.", NULL},
	{"504", 504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.", NULL},
	{"499", 499, "CANCELLED", "The operation was cancelled.", NULL},
	{"401", 401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", "[" REASON("ACCESS_TOKEN_EXPIRED") "]"},
	{"400-key", 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
	 "[" REASON("API_KEY_INVALID") "," TYPE("LocalizedMessage") "\"locale\":\"en-US\",\"message\":\"API key not valid.\"}]"},
	{"400-expired", 400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", "[" REASON("API_KEY_INVALID") "]"},
	{"403", 403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key.", NULL},
	{"400-billing", 400, "FAILED_PRECONDITION", "User location is not supported for the API use.", NULL},
	{"404", 404, "NOT_FOUND", "models/gone is not found for API version v1beta, or is not supported for generateContent.", NULL},
	{"400-context", 400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
	 NULL},
	{"400", 400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name \"foo\": Cannot find field.",
	 "[" TYPE("BadRequest") "\"fieldViolations\":[{\"description\":\"Invalid JSON payload received.\"}]}]"},
};

static const struct {
	const char *name;
	int status;
	const char *headers, *type, *body;
} bodies[] = {
	{"429-after", 429, "Retry-After: 2\r\n", "application/json", "{\"error\":{\"code\":429,\"message\":\"slow down\"}}"},
	{"429-date", 429, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n", "application/json",
	 "{\"error\":{\"code\":429,\"message\":\"slow down\"}}"},
	{"429-ms", 429, "retry-after-ms: 250\r\nRetry-After: 9\r\n", "application/json", "{}"},
	{"502-html", 502, "", "text/html", "<html><title>Error 502 (Server Error)!!1</title></html>"},
	{"524", 524, "", "text/plain", "error code: 524"},
	{"529", 529, "", "application/json", "{}"},
	{"array-error", 503, "", "application/json", "[{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"The model is overloaded.\",\n"
	 "    \"status\": \"UNAVAILABLE\"\n  }\n}\n]\n"},
	{"nested-error", 500, "", "application/json", "{\"error\":{\"code\":500,\"message\":\"{\\n  \\\"error\\\": {\\n    \\\"code\\\": 429,"
	 "\\n    \\\"message\\\": \\\"slow\\\",\\n    \\\"status\\\": \\\"RESOURCE_EXHAUSTED\\\"\\n  }\\n}\\n\",\"status\":\"Too Many Requests\"}}"},
};

bool gemini_refuse(struct connection *c, const char *name)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (strcmp(refusals[i].name, name) == 0) {
			gemini_error(c, refusals[i].status, refusals[i].word, refusals[i].message, refusals[i].details);
			return true;
		}
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
		if (strcmp(bodies[i].name, name) == 0) {
			struct reply r = {.status = bodies[i].status, .type = bodies[i].type, .headers = bodies[i].headers};

			buf_init(&r.body, c->arena);
			buf_adds(&r.body, bodies[i].body);
			add_reply(c, &r);
			return true;
		}
	return false;
}
