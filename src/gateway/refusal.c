/* refusal.c - words first, phrases second, the HTTP status last. */
#include "gateway/refusal.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "gateway/retry_hint.h"

enum { BODY_MAX = 64 << 10, MESSAGE_MAX = 240 };

/* What an error document says, wherever it says it. */
struct complaint {
	struct str message;
	struct str words[6];		/* error_type, error_code or reason, code, type, status: most telling first */
	size_t n_words;
	struct str limit_source;
	int64_t hint_ms;		/* 0: none */
	bool per_day, limit_zero, flagged;
};

static const struct {
	const char *word;
	enum err_code code;
} words[] = {
	{"contract_spend_limit_reached", ERR_MODEL_BILLING},
	{"enforced_spend_limit_reached", ERR_MODEL_BILLING},
	{"linked_organization_spend_limit_reached", ERR_MODEL_BILLING},
	{"linked_organization_billing_unavailable", ERR_MODEL_BILLING},
	{"insufficient_quota", ERR_MODEL_BILLING},
	{"billing_error", ERR_MODEL_BILLING},
	{"billing_hard_limit_reached", ERR_MODEL_BILLING},
	{"payment_required", ERR_MODEL_BILLING},
	{"FAILED_PRECONDITION", ERR_MODEL_BILLING},
	{"context_length_exceeded", ERR_MODEL_CONTEXT_OVERFLOW},
	{"max_tokens_exceeded", ERR_MODEL_CONTEXT_OVERFLOW},
	{"token_limit_exceeded", ERR_MODEL_CONTEXT_OVERFLOW},
	{"string_too_long", ERR_MODEL_CONTEXT_OVERFLOW},
	{"content_policy_violation", ERR_MODEL_CONTENT_BLOCKED},
	{"content_filter", ERR_MODEL_CONTENT_BLOCKED},
	{"moderation", ERR_MODEL_CONTENT_BLOCKED},
	{"refusal", ERR_MODEL_CONTENT_BLOCKED},
	{"API_KEY_INVALID", ERR_MODEL_AUTH},
	{"invalid_api_key", ERR_MODEL_AUTH},
	{"authentication", ERR_MODEL_AUTH},
	{"authentication_error", ERR_MODEL_AUTH},
	{"UNAUTHENTICATED", ERR_MODEL_AUTH},
	{"permission_denied", ERR_MODEL_AUTH},
	{"permission_error", ERR_MODEL_AUTH},
	{"PERMISSION_DENIED", ERR_MODEL_AUTH},
	{"organization_on_hold", ERR_MODEL_AUTH},
	{"model_not_found", ERR_MODEL_NOT_FOUND},
	{"not_found", ERR_MODEL_NOT_FOUND},
	{"not_found_error", ERR_MODEL_NOT_FOUND},
	{"NOT_FOUND", ERR_MODEL_NOT_FOUND},
	{"rate_limit_exceeded", ERR_MODEL_RATE_LIMITED},
	{"rate_limit_error", ERR_MODEL_RATE_LIMITED},
	{"ramp_limit_exceeded", ERR_MODEL_RATE_LIMITED},
	{"RESOURCE_EXHAUSTED", ERR_MODEL_RATE_LIMITED},
	{"overloaded_error", ERR_MODEL_OVERLOADED},
	{"provider_overloaded", ERR_MODEL_OVERLOADED},
	{"UNAVAILABLE", ERR_MODEL_OVERLOADED},
	{"server", ERR_MODEL_SERVER_ERROR},
	{"server_error", ERR_MODEL_SERVER_ERROR},
	{"api_error", ERR_MODEL_SERVER_ERROR},
	{"conflict_error", ERR_MODEL_SERVER_ERROR},
	{"provider_unavailable", ERR_MODEL_SERVER_ERROR},
	{"INTERNAL", ERR_MODEL_SERVER_ERROR},
	{"CANCELLED", ERR_MODEL_SERVER_ERROR},
	{"timeout", ERR_MODEL_TIMEOUT},
	{"timeout_error", ERR_MODEL_TIMEOUT},
	{"DEADLINE_EXCEEDED", ERR_MODEL_TIMEOUT},
	{"request_too_large", ERR_MODEL_INVALID_REQUEST},
	{"payload_too_large", ERR_MODEL_INVALID_REQUEST},
	{"unsupported_parameter", ERR_MODEL_INVALID_REQUEST},
	{"unsupported_value", ERR_MODEL_INVALID_REQUEST},
	{"invalid_value", ERR_MODEL_INVALID_REQUEST},
	{"invalid_request", ERR_MODEL_INVALID_REQUEST},
	{"invalid_prompt", ERR_MODEL_INVALID_REQUEST},
	{"unprocessable", ERR_MODEL_INVALID_REQUEST},
};

/* In messages, for servers without words. Lower case. */
static const struct {
	const char *phrase;
	enum err_code code;
} phrases[] = {
	{"credit balance is too low", ERR_MODEL_BILLING},
	{"insufficient credits", ERR_MODEL_BILLING},
	{"api usage limits", ERR_MODEL_BILLING},
	{"api key not valid", ERR_MODEL_AUTH},
	{"incorrect api key", ERR_MODEL_AUTH},
	{"context length", ERR_MODEL_CONTEXT_OVERFLOW},
	{"context window", ERR_MODEL_CONTEXT_OVERFLOW},
	{"context size", ERR_MODEL_CONTEXT_OVERFLOW},
	{"prompt is too long", ERR_MODEL_CONTEXT_OVERFLOW},
	{"exceed context limit", ERR_MODEL_CONTEXT_OVERFLOW},
	{"maximum number of tokens", ERR_MODEL_CONTEXT_OVERFLOW},
	{"too many tokens", ERR_MODEL_CONTEXT_OVERFLOW},
	{"content filtering policy", ERR_MODEL_CONTENT_BLOCKED},
};

static const struct {
	int from, to;
	enum err_code code;
} statuses[] = {
	{300, 399, ERR_MODEL_NOT_FOUND},	/* redirects are not followed: the base URL is wrong */
	{401, 401, ERR_MODEL_AUTH},
	{402, 402, ERR_MODEL_BILLING},
	{403, 403, ERR_MODEL_AUTH},
	{404, 404, ERR_MODEL_NOT_FOUND},
	{408, 408, ERR_MODEL_TIMEOUT},
	{409, 409, ERR_MODEL_SERVER_ERROR},	/* a lock on their side */
	{410, 410, ERR_MODEL_NOT_FOUND},
	{429, 429, ERR_MODEL_RATE_LIMITED},
	{499, 499, ERR_MODEL_SERVER_ERROR},
	{400, 499, ERR_MODEL_INVALID_REQUEST},
	{503, 503, ERR_MODEL_OVERLOADED},
	{529, 529, ERR_MODEL_OVERLOADED},
	{500, 999, ERR_MODEL_SERVER_ERROR},
};

/* --- text --- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Where needle (lower case) ends in s, ignoring case, or -1. */
static ptrdiff_t find_end(struct str s, const char *needle)
{
	size_t n = strlen(needle);

	for (size_t i = 0; i + n <= s.n; i++) {
		size_t k = 0;

		while (k < n && lower(s.p[i + k]) == needle[k])
			k++;
		if (k == n)
			return (ptrdiff_t)(i + n);
	}
	return -1;
}

static bool has(struct str s, const char *needle)
{
	return find_end(s, needle) >= 0;
}

/* --- reading the document --- */

static void add_word(struct complaint *c, struct str word)
{
	if (word.n > 0 && c->n_words < sizeof c->words / sizeof c->words[0])
		c->words[c->n_words++] = word;
}

static void set_hint(struct complaint *c, int64_t ms)
{
	if (c->hint_ms == 0 && ms > 0)
		c->hint_ms = ms;
}

/* Anthropic's error details name a code; Google's tell why, which quota, how long. */
static void read_details(struct complaint *c, const struct json *details)
{
	add_word(c, json_str(json_getc(details, "error_code")));
	for (size_t i = 0; i < json_len(details); i++) {
		const struct json *d = json_at(details, i), *violations = json_getc(d, "violations");

		add_word(c, json_str(json_getc(d, "reason")));
		set_hint(c, go_duration_ms(json_str(json_getc(d, "retryDelay"))));
		for (size_t k = 0; k < json_len(violations); k++)
			if (has(json_str(json_getc(json_at(violations, k), "quotaId")), "perday"))
				c->per_day = true;
	}
}

static void read_metadata(struct complaint *c, const struct json *metadata)
{
	add_word(c, json_str(json_getc(metadata, "error_type")));
	c->limit_source = json_str(json_getc(metadata, "limit_source"));
	c->flagged = json_len(json_getc(metadata, "reasons")) > 0 || json_getc(metadata, "flagged_input") != NULL;
}

/* "limit: 0" names a quota that this account does not have; "limit: 0.5" and "limit: 05" do not exist. */
static bool says_limit_zero(struct str message)
{
	ptrdiff_t at = find_end(message, "limit: 0");

	return at >= 0 && ((size_t)at == message.n || (message.p[at] != '.' && (message.p[at] < '0' || message.p[at] > '9')) ||
			   (message.p[at] == '.' && ((size_t)at + 1 == message.n || message.p[at + 1] < '0' ||
						     message.p[at + 1] > '9')));
}

static bool number_after(struct str s, const char *needle, double *ret)
{
	ptrdiff_t at = find_end(s, needle);
	size_t i = (size_t)at;

	return at >= 0 && hint_read_decimal(s, &i, ret);
}

static void read_message(struct complaint *c)
{
	static const char *const waits[] = {"try again in ", "retry in "};
	double limit, requested;

	c->limit_zero = says_limit_zero(c->message);
	if (has(c->message, "free-models-per-day") || has(c->message, "per day (tpd)") || has(c->message, "per day (rpd)"))
		c->per_day = true;
	/* Larger than a whole minute's allowance: waiting never helps. */
	if (number_after(c->message, "limit ", &limit) && number_after(c->message, "requested ", &requested) &&
	    requested > limit)
		c->per_day = true;
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		ptrdiff_t at = find_end(c->message, waits[i]);

		if (at >= 0)
			set_hint(c, go_duration_ms(str_sub(c->message, (size_t)at, c->message.n)));
	}
}

static void read_error(struct arena *a, struct complaint *c, const struct json *v, int depth);

/* Proxies put the upstream's whole document into `message`. */
static void read_inner(struct arena *a, struct complaint *c, int depth)
{
	struct str text = str_trim(c->message);
	const struct json *inner;

	if (depth < 3 && text.n > 1 && (text.p[0] == '{' || text.p[0] == '[') &&
	    json_parse_lenient(a, text, NULL, &inner, NULL) == 0)
		read_error(a, c, inner, depth + 1);
}

static void read_error(struct arena *a, struct complaint *c, const struct json *v, int depth)
{
	const struct json *error, *after;
	double seconds;

	if (json_type(v) == JSON_ARRAY)
		v = json_at(v, 0);
	error = json_getc(v, "error");
	if (json_type(error) == JSON_OBJECT)
		v = error;
	if (json_type(error) == JSON_STRING || json_type(v) == JSON_STRING)
		c->message = json_str(json_type(v) == JSON_STRING ? v : error);
	else if (json_str(json_getc(v, "message")).n > 0)
		c->message = json_str(json_getc(v, "message"));
	read_metadata(c, json_getc(v, "metadata"));
	read_details(c, json_getc(v, "details"));
	add_word(c, json_str(json_getc(v, "code")));
	add_word(c, json_str(json_getc(v, "type")));
	add_word(c, json_str(json_getc(v, "status")));
	after = json_getc(json_getc(v, "availability"), "retry_after");
	seconds = json_is_number(after) ? json_to_double(after) : 0;
	if (seconds > 0)
		set_hint(c, hint_whole_ms(seconds * 1000));
	read_inner(a, c, depth);
	read_message(c);
}

/* --- judging --- */

static enum err_code by_word(const struct complaint *c)
{
	for (size_t i = 0; i < c->n_words; i++)
		for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
			if (str_is(c->words[i], words[k].word))
				return words[k].code;
	return ERR_NONE;
}

static bool says(const struct complaint *c, const char *word)
{
	for (size_t i = 0; i < c->n_words; i++)
		if (str_is(c->words[i], word))
			return true;
	return false;
}

static enum err_code by_phrase(const struct complaint *c)
{
	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if (has(c->message, phrases[i].phrase))
			return phrases[i].code;
	return ERR_NONE;
}

static enum err_code by_status(int status)
{
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		if (status >= statuses[i].from && status <= statuses[i].to)
			return statuses[i].code;
	return ERR_NONE;
}

static enum err_code judge(const struct complaint *c, int status)
{
	enum err_code word = by_word(c), phrase = by_phrase(c);

	if (status == 402)
		return str_is(c->limit_source, "openrouter_in_flight_budget") && c->hint_ms > 0
			       ? ERR_MODEL_RATE_LIMITED : ERR_MODEL_BILLING;
	if (status == 403 && c->flagged)
		return ERR_MODEL_CONTENT_BLOCKED;
	if (word == ERR_MODEL_RATE_LIMITED || (status == 429 && word == ERR_NONE)) {
		if (c->limit_zero)
			return ERR_MODEL_BILLING;
		return c->per_day ? ERR_MODEL_QUOTA_EXHAUSTED : ERR_MODEL_RATE_LIMITED;
	}
	/* A bad request may be a full context, a wrong key or an empty account: the message knows. */
	if (phrase != ERR_NONE && (word == ERR_NONE || word == ERR_MODEL_INVALID_REQUEST) && status < 500)
		return phrase;
	return word != ERR_NONE ? word : by_status(status);
}

static int fill(struct err *err, const struct complaint *c, enum err_code code, int status, const char *where)
{
	struct str word = c->n_words ? str_clip(c->words[0], 80) : STR_NONE, message = str_clip(str_trim(c->message), MESSAGE_MAX);

	err_set(err, code, "%s%s" STR_FMT "%s" STR_FMT, where, word.n ? " " : "", STR_ARG(word),
		message.n ? ": " : "", STR_ARG(message));
	if (err) {
		err->status = status;
		err->retry_after_ms = (int)c->hint_ms;
	}
	return -1;
}

/* --- the two places of an error --- */

int refusal_of_answer(struct arena *a, const struct http_result *r, struct err *err)
{
	struct complaint c = {0};
	struct str body = str_trim(r->body), should = http_header_get(r, "x-should-retry");
	const struct json *v;
	char where[64];

	set_hint(&c, hint_of_headers(r));
	if (body.n > 0 && body.n <= BODY_MAX && json_parse_lenient(a, body, NULL, &v, NULL) == 0)
		read_error(a, &c, v, 0);
	else if (body.n > 0 && body.p[0] == '<')
		c.message = STR("an HTML page");
	else if (utf8_valid(str_clip(body, MESSAGE_MAX)))
		c.message = str_clip(body, MESSAGE_MAX);
	if (r->status < 400)
		c.message = STR("a redirect: is base_url right?");
	snprintf(where, sizeof where, "the provider answered %d", r->status);
	fill(err, &c, judge(&c, r->status), r->status, where);
	if (err && str_is(should, "false"))
		err->retryable = false;
	if (err && str_is(should, "true"))
		err->retryable = true;
	return -1;
}

static int refusal_of_object(struct arena *a, const struct json *error, struct err *err)
{
	struct complaint c = {0};
	int64_t status = 0;
	enum err_code code;

	read_error(a, &c, error, 0);
	/* `code` is a number where it repeats the HTTP status that could not be sent any more. */
	if (!json_to_int(json_getc(error, "code"), &status) || status < 400 || status > 599)
		status = 0;
	code = judge(&c, (int)status);
	/* With a status that says more it is said of wrong keys, too. */
	if (code == ERR_NONE && says(&c, "invalid_request_error"))
		code = ERR_MODEL_INVALID_REQUEST;
	return fill(err, &c, code == ERR_NONE ? ERR_MODEL_STREAM_ERROR : code, 200, "the provider reported an error");
}

int refusal_in_stream(struct arena *a, const struct json *error, bool output_began, struct err *err)
{
	bool transient;

	refusal_of_object(a, error, err);
	transient = err_code_is_retryable(err->code);
	if (output_began || err->code == ERR_MODEL_TIMEOUT) {
		err->code = ERR_MODEL_STREAM_ERROR;
		err->retryable = transient;
	}
	return -1;
}
