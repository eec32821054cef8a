/* reply.c - the one place where an error becomes a status. */
#include "web/reply.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "schema/schema.h"

static const struct {
	int status;
	const char *title;
} titles[] = {
	{400, "Bad request"},		{401, "Authentication needed"},
	{403, "Not permitted"},		{404, "Not found"},
	{405, "Method not allowed"},	{408, "Request timeout"},
	{409, "Conflict"},		{410, "Gone"},
	{413, "Too large"},		{415, "Unsupported media type"},
	{416, "Range not satisfiable"}, {421, "Misdirected request"},	{422, "Cannot be processed"},
	{429, "Too many requests"},
	{500, "Internal error"},	{503, "Not available"},
	{507, "Insufficient storage"},
};

static const struct {
	enum err_code code;
	int status;
	const char *word;
	const char *detail;	/* NULL: the error's message; set where that tells of our inside (addresses, paths) */
} by_code[] = {
	{ERR_NOT_FOUND, 404, "not_found", NULL},
	{ERR_CONFLICT, 409, "conflict", NULL},
	{ERR_BUSY, 409, "key_in_flight", NULL},
	{ERR_INVALID, 422, "invalid", NULL},
	{ERR_JSON, 400, "malformed", NULL},
	{ERR_SIZE, 413, "too_large", NULL},
	{ERR_FORBIDDEN, 403, "forbidden", NULL},
	{ERR_POLICY_DENIED, 403, "policy_denied", NULL},
	{ERR_UNAUTHENTICATED, 401, "unauthenticated", NULL},
	{ERR_SCHEMA_INPUT, 422, "schema", NULL},
	{ERR_REFUSED, 503, "refused", NULL},
	{ERR_STORE_FULL, 507, "storage_full", NULL},
	{ERR_PG_DOWN, 503, "unavailable", "the database does not answer"},
	{ERR_CANCELLED, 503, "unavailable", "the server is stopping"},
};

void reply_json(struct reply *r, int status, struct str body)
{
	r->status = status;
	r->body = body;
	r->problem = false;
}

void reply_empty(struct reply *r)
{
	*r = (struct reply){.status = 204};
}

void reply_add(struct reply *r, struct arena *a, const char *name, const char *value)
{
	struct reply_header *h = ARENA_NEW(a, struct reply_header);

	*h = (struct reply_header){name, value, r->more};
	r->more = h;
}

void reply_file(struct reply *r, struct arena *a, const char *type, const char *etag, struct str body)
{
	*r = (struct reply){.status = body.p ? 200 : 304, .body = body, .type = type, .page = true};
	reply_add(r, a, "ETag", etag);
}

void reply_made(struct reply *r, const char *type, struct MHD_Response *(*make)(struct request *req))
{
	*r = (struct reply){.status = 200, .type = type, .make = make};
}

/* errors: NULL, or a list. */
static void fill_with(struct reply *r, struct arena *a, int status, const char *word, const char *detail, const struct json *errors)
{
	struct json_builder b;
	const char *title = "Error";

	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
		if (titles[i].status == status)
			title = titles[i].title;
	json_object_begin(&b, a);
	json_object_setc(&b, "type", json_stringc(a, arena_printf(a, "urn:agentd:problem:%s", word)));
	json_object_setc(&b, "title", json_stringc(a, title));
	json_object_setc(&b, "status", json_int(a, status));
	json_object_setc(&b, "detail", json_string_clean(a, str_from(detail)));
	if (errors)
		json_object_setc(&b, "errors", errors);
	r->status = status;
	r->body = json_text(a, json_object_end(&b));
	r->problem = true;
	r->word = word;
	r->detail = arena_strdup(a, detail);
	if (status == 503 || status == 429)
		r->retry_after_s = 1;
	else if (status == 409 && str_is(str_from(word), "key_in_flight"))
		r->retry_after_s = 1;
}

static void fill(struct reply *r, struct arena *a, int status, const char *word, const char *detail)
{
	fill_with(r, a, status, word, detail, NULL);
}

void reply_problem(struct reply *r, struct arena *a, int status, const char *word, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(r, a, status, word, arena_vprintf(a, fmt, ap));
	va_end(ap);
}

void reply_faults(struct reply *r, struct arena *a, const char *detail, const char *place, const struct schema_faults *f)
{
	fill_with(r, a, 422, "schema", f->more ? arena_printf(a, "%s, in more places than are listed", detail) : detail,
		  schema_faults_json(a, place, f));
}

void reply_err(struct reply *r, struct arena *a, const struct err *err)
{
	for (size_t i = 0; i < sizeof by_code / sizeof by_code[0]; i++) {
		if (by_code[i].code != err->code)
			continue;
		if (err->code == ERR_INVALID && err->status == 400)
			fill(r, a, 400, "malformed", err->msg);
		else
			fill(r, a, by_code[i].status, by_code[i].word, by_code[i].detail ? by_code[i].detail : err->msg);
		if (r->retry_after_s && err->retry_after_ms > 1000)
			r->retry_after_s = (err->retry_after_ms + 999) / 1000;
		return;
	}
	log_error("request.failed", "code=%s error=%s", err_name(err->code), log_quotec(err->msg));
	fill(r, a, 500, "internal", "the server failed; its log says why");
}
