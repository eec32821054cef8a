/* delivery.c - see delivery.h. */
#include "publish/delivery.h"

#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/form.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/hook.h"
#include "publish/signature.h"
#include "store/submission.h"

#define FORM "application/x-www-form-urlencoded"

static int refuse(struct err *err, const char *what)
{
	err_prefix(err, "\"%s\": ", what);
	err->code = ERR_INVALID;
	err->status = 422;
	return -1;
}

/* --- what expressions see --- */

static bool proves_the_sender(const struct hook *h, struct str name)
{
	static const char *const others[] = {"authorization", "cookie", "proxy-authorization", "x-hub-signature"};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (str_is(name, others[i]))
			return true;
	return str_eq(name, signature_header(&h->verify));
}

static const struct json *shown_headers(struct arena *a, const struct hook *h, const struct json *headers)
{
	struct json_builder b;

	json_object_begin(&b, a);
	for (size_t i = 0; i < json_len(headers); i++)
		if (!proves_the_sender(h, json_key(headers, i)))
			json_object_set(&b, json_key(headers, i), json_val(headers, i));
	return json_object_end(&b);
}

static int read_query(struct arena *a, struct str rest, const struct json **ret, struct err *err)
{
	struct json_builder b;
	struct str name, value;

	json_object_begin(&b, a);
	while (rest.n) {
		value = form_next(&rest, &name);
		if (form_decode(a, value, true, &value, err) < 0)
			return err_prefix(err, "query ");
		json_object_set(&b, json_str(json_string_clean(a, name)), json_string_ref(a, value));
	}
	*ret = json_object_end(&b);
	return 0;
}

static int read_body(struct arena *a, const struct delivery_request *r, const struct json **ret, struct err *err)
{
	struct str type = json_str(json_getc(r->headers, "content-type")), text = r->body;

	if (type.n >= sizeof FORM - 1 && strncasecmp(type.p, FORM, sizeof FORM - 1) == 0) {
		if (form_get(a, text, "payload", &text, err) < 0)
			return err_prefix(err, "form ");
		if (!text.p) {
			err_set(err, ERR_INVALID, "the form has no \"payload\"");
			err->status = 400;
			return -1;
		}
	}
	if (json_parse(a, text, NULL, ret, err) == 0)
		return 0;
	err->code = ERR_JSON;	/* its size was bounded before: what is too large is its depth or a number */
	return -1;
}

static const struct json *own_id(enum hook_scheme scheme, const struct json *headers, const struct json *body)
{
	switch (scheme) {
	case HOOK_GITHUB:
		return json_getc(headers, "x-github-delivery");
	case HOOK_STRIPE:
		return json_getc(body, "id");
	case HOOK_STANDARD:
		return json_getc(headers, "webhook-id");
	default:
		return NULL;
	}
}

static const struct json *root_of(struct arena *a, const struct hook *h, const struct delivery_request *r, const struct json *body,
				  const struct json *query)
{
	const struct json *id = own_id(h->verify.scheme, r->headers, body);
	struct json_builder b, d;
	struct digest digest;
	char hex[65];

	digest_of(r->body, &digest);
	digest_hex(&digest, hex);
	json_object_begin(&d, a);
	json_object_setc(&d, "hook", json_string_ref(a, h->name));
	json_object_setc(&d, "scheme", json_stringc(a, hook_scheme_name(h->verify.scheme)));
	json_object_setc(&d, "id", json_type(id) == JSON_STRING ? id : NULL);
	json_object_setc(&d, "digest", json_stringc(a, hex));
	json_object_begin(&b, a);
	json_object_setc(&b, "headers", shown_headers(a, h, r->headers));
	json_object_setc(&b, "body", body);
	json_object_setc(&b, "query", query);
	json_object_setc(&b, "delivery", json_object_end(&d));
	return json_object_end(&b);
}

/* --- what becomes of it --- */

/* A number will do, as senders count. */
static int read_id(struct arena *a, const struct hook *h, const struct json *root, struct str *ret, struct err *err)
{
	const struct json *v = json_getc(json_getc(root, "delivery"), "id");
	int64_t n;

	if (h->delivery_id && expr_eval(h->delivery_id, root, a, &v, err) < 0)
		return refuse(err, "delivery_id");
	if (json_type(v) == JSON_INT && json_to_int(v, &n))
		v = json_stringc(a, arena_printf(a, "%lld", (long long)n));
	*ret = json_str(v);
	if (json_type(v) == JSON_STRING && submission_key_check(*ret, NULL) == 0)
		return 0;
	err_set(err, ERR_INVALID, "expected 1 to 255 visible ASCII characters, got %s",
		json_type(v) == JSON_STRING ? "another text" : json_type_name(v));
	return refuse(err, "delivery_id");
}

static int eval(struct arena *a, const struct tmpl *t, const struct json *root, const char *key, struct json_builder *b, struct err *err)
{
	const struct json *v;

	if (!t)
		return 0;
	if (tmpl_eval(t, root, a, &v, err) < 0)
		return refuse(err, key);
	json_object_setc(b, key, v);
	return 0;
}

static int submit(struct arena *a, const struct hook *h, const struct json *root, struct delivery *ret, struct err *err)
{
	struct json_builder b;
	struct str parts[2] = {h->name, STR_NONE};

	if (read_id(a, h, root, &parts[1], err) < 0)
		return -1;
	json_object_begin(&b, a);
	json_object_setc(&b, "workflow", json_string_ref(a, h->workflow));
	json_object_setc(&b, "urgency", json_string_ref(a, h->urgency));
	if (eval(a, h->input, root, "input", &b, err) < 0 || eval(a, h->labels, root, "labels", &b, err) < 0)
		return -1;
	ret->submission = json_object_end(&b);
	if (submission_parse(a, ret->submission, &ret->task, err) < 0) {
		err->status = 422;	/* the request was well-formed: it is what the hook made of it */
		return -1;
	}
	ret->task.idempotency_key = parts[1];
	ret->task.route = STR("POST /hooks");
	ret->task.by = (struct principal){.name = str_from(arena_printf(a, "hook:" STR_FMT, STR_ARG(h->name)))};
	digest_of_parts(parts, 2, &ret->task.request);
	return 0;
}

int delivery_read(struct arena *a, const struct hook *h, const struct delivery_request *r, struct delivery *ret, struct err *err)
{
	const struct json *body, *query, *root;
	bool wanted = true;

	*ret = (struct delivery){.fate = DELIVERY_SUBMIT};
	if (read_body(a, r, &body, err) < 0 || read_query(a, r->query, &query, err) < 0)
		return -1;
	if (h->verify.scheme == HOOK_GITHUB && str_is(json_str(json_getc(r->headers, "x-github-event")), "ping")) {
		ret->fate = DELIVERY_PING;
		return 0;
	}
	root = root_of(a, h, r, body, query);
	if (h->when && expr_test(h->when, root, &wanted, err) < 0)
		return refuse(err, "when");
	if (wanted)
		return submit(a, h, root, ret, err);
	ret->fate = DELIVERY_IGNORED;
	return 0;
}
