/* http_answer.c - from an HTTP answer to the result or the error of a tool. */
#include "tools/http_answer.h"

#include <strings.h>

#include "base/arena.h"
#include "base/http.h"
#include "base/json.h"
#include "base/retry_after.h"
#include "config/expr.h"
#include "tools/call.h"
#include "tools/output.h"

enum {
	MAX_HEADERS = 256,	/* shown to the result expression */
};

static bool is_type(struct str type, const char *lower)
{
	return type.n == strlen(lower) && strncasecmp(type.p, lower, type.n) == 0;
}

static bool is_transient(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static bool is_json_type(struct str type)
{
	struct str essence = str_trim(str_sub(type, 0, str_chr(type, ';') < 0 ? type.n : (size_t)str_chr(type, ';')));

	return is_type(essence, "application/json") || is_type(essence, "text/json") ||
	       (essence.n > 5 && is_type(str_sub(essence, essence.n - 5, 5), "+json"));
}

/* Credentials go out of the text first: messages about it quote parts, and part of a secret is still one.
 * JSON when it says so; without a word about its type, when it is. Text otherwise. */
static int read_body(struct call *c, const char *request, const struct http_result *r, const struct json **ret,
		     bool *ret_json, struct err *err)
{
	struct str type = http_header_get(r, "content-type");
	struct str body = secrets_scrub(call_arena(c), &c->secrets, r->body);
	struct err reason = {0};

	*ret_json = true;
	if (str_trim(body).n > 0 && (is_json_type(type) || type.n == 0)) {
		if (json_parse(call_arena(c), body, NULL, ret, &reason) == 0)
			return 0;
		if (type.n > 0)
			return err_set(err, ERR_TOOL_OUTPUT, "%s: the body is not the JSON it is said to be: %s", request,
				       reason.msg);
	}
	*ret_json = false;
	*ret = json_string_clean(call_arena(c), body);
	return 0;
}

static const struct json *headers_json(struct arena *a, const struct secrets *secrets, const struct http_result *r)
{
	size_t n = r->n_headers < MAX_HEADERS ? r->n_headers : MAX_HEADERS;
	struct json_builder b;

	json_object_begin(&b, a);
	for (size_t i = 0; i < n; i++) {
		struct str name = json_str(json_string_clean(a, r->headers[i].name)), value = r->headers[i].value;

		for (size_t j = 0; j < i; j++)	/* a repeated field is one list */
			if (str_eq(r->headers[j].name, r->headers[i].name))
				value = STR_NONE;
		if (!value.p)
			continue;
		for (size_t j = i + 1; j < n; j++)
			if (str_eq(r->headers[j].name, r->headers[i].name))
				value = str_from(arena_printf(a, STR_FMT ", " STR_FMT, STR_ARG(value),
							      STR_ARG(r->headers[j].value)));
		json_object_set(&b, name, json_string_clean(a, secrets_scrub(a, secrets, value)));
	}
	return json_object_end(&b);
}

int http_answer_shape(struct call *c, const char *request, const struct http_result *r, const struct json **ret,
		      struct err *err)
{
	struct arena *a = call_arena(c);
	const struct json *body;
	struct err reason = {0};
	const struct expr *result = c->manifest->u.http.result;
	struct json_builder b;
	bool is_json;

	if (read_body(c, request, r, &body, &is_json, err) < 0)
		return -1;
	if (is_json && !result) {
		*ret = body;
		return 0;
	}
	json_object_begin(&b, a);
	json_object_setc(&b, "status", json_int(a, r->status));
	if (result)
		json_object_setc(&b, "headers", headers_json(a, &c->secrets, r));
	json_object_setc(&b, result ? "body" : "text", body);
	*ret = json_object_end(&b);
	if (!result || expr_eval(result, *ret, a, ret, &reason) == 0)
		return 0;
	return err_set(err, ERR_TOOL_OUTPUT, "%s: result of the tool: %s", request, reason.msg);
}

void http_answer_fail(struct call *c, const char *request, const struct http_result *r)
{
	const char *said = output_line(call_arena(c), secrets_scrub(call_arena(c), &c->secrets, r->body));
	struct err err = {0};

	err_set(&err, ERR_TOOL_FAILED, "%s answered %d%s%s", request, r->status, *said ? ": " : "", said);
	err.status = r->status;
	err.retryable = is_transient(r->status) && call_is_repeatable(c);
	err.retry_after_ms = (int)retry_after_ms(http_header_get(r, "retry-after"));
	call_fail(c, r->status == 408 || r->status >= 500 ? TOOL_UNKNOWN : TOOL_DONE, &err);
}
