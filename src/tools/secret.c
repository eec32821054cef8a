/* secret.c - credentials by handle. The process keeps them in its environment only. */
#include "tools/secret.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/manifest.h"
#include "config/settings.h"

enum { MIN_SCRUB_BYTES = 4 };

static const struct credential *find_credential(const struct settings *s, struct str handle)
{
	for (size_t i = 0; i < s->tools.n_credentials; i++)
		if (str_eq(s->tools.credentials[i].handle, handle))
			return &s->tools.credentials[i];
	return NULL;
}

static int load_one(struct arena *a, struct str handle, const struct settings *settings, struct str *ret,
		    struct err *err)
{
	const struct credential *c = find_credential(settings, handle);
	const char *value;

	if (!c) {
		err_set(err, ERR_TOOL_FAILED, "credential \"" STR_FMT "\" has no environment variable", STR_ARG(handle));
		return err_hint(err, "name one in agentd.yaml under tools.credentials");
	}
	value = getenv(c->env);
	if (!value || !*value)
		return err_set(err, ERR_TOOL_FAILED,
			       "credential \"" STR_FMT "\": environment variable %s is not set", STR_ARG(handle), c->env);
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(err, ERR_TOOL_FAILED,
				       "credential \"" STR_FMT "\": environment variable %s has a control character",
				       STR_ARG(handle), c->env);
	*ret = str_from(arena_strdup(a, value));
	if (!utf8_valid(*ret))
		return err_set(err, ERR_TOOL_FAILED, "credential \"" STR_FMT "\": environment variable %s is not UTF-8",
			       STR_ARG(handle), c->env);
	return 0;
}

int secrets_load(struct arena *a, const struct manifest *m, const struct settings *settings, struct secrets *ret,
		 struct err *err)
{
	*ret = (struct secrets){.handles = m->credentials, .n = m->n_credentials};
	ret->values = ARENA_ARRAY(a, m->n_credentials, struct str);
	for (size_t i = 0; i < ret->n; i++)
		if (load_one(a, ret->handles[i], settings, &ret->values[i], err) < 0) {
			ret->n = 0;
			return -1;
		}
	return 0;
}

const struct json *secrets_json(struct arena *a, const struct secrets *s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	for (size_t i = 0; i < s->n; i++)
		json_object_set(&b, s->handles[i], json_string_ref(a, s->values[i]));
	return json_object_end(&b);
}

bool secrets_are_in(const struct secrets *s, struct str text)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->values[i].n >= MIN_SCRUB_BYTES && str_find(text, s->values[i]) >= 0)
			return true;
	return false;
}

static struct str replace(struct arena *a, struct str text, struct str secret)
{
	struct buf b;
	ptrdiff_t at;

	if (secret.n < MIN_SCRUB_BYTES || str_find(text, secret) < 0)
		return text;
	buf_init(&b, a);
	while ((at = str_find(text, secret)) >= 0) {
		buf_addstr(&b, str_sub(text, 0, (size_t)at));
		buf_adds(&b, "***");
		text = str_sub(text, (size_t)at + secret.n, text.n);
	}
	buf_addstr(&b, text);
	return buf_str(&b);
}

struct str secrets_scrub(struct arena *a, const struct secrets *s, struct str text)
{
	for (size_t i = 0; i < s->n; i++)
		text = replace(a, text, s->values[i]);
	return text;
}

static bool are_in_json(const struct secrets *s, const struct json *v)
{
	enum json_type type = json_type(v);

	if (type == JSON_STRING)
		return secrets_are_in(s, json_str(v));
	for (size_t i = 0; i < json_len(v); i++) {
		if (type == JSON_OBJECT && secrets_are_in(s, json_key(v, i)))
			return true;
		if (are_in_json(s, type == JSON_OBJECT ? json_val(v, i) : json_at(v, i)))
			return true;
	}
	return false;
}

static const struct json *scrub(struct arena *a, const struct secrets *s, const struct json *v)
{
	struct json_builder b;

	switch (json_type(v)) {
	case JSON_STRING:
		return json_string(a, secrets_scrub(a, s, json_str(v)));
	case JSON_ARRAY:
		json_array_begin(&b, a);
		for (size_t i = 0; i < json_len(v); i++)
			json_array_add(&b, scrub(a, s, json_at(v, i)));
		return json_array_end(&b);
	case JSON_OBJECT:
		json_object_begin(&b, a);
		for (size_t i = 0; i < json_len(v); i++)
			json_object_set(&b, secrets_scrub(a, s, json_key(v, i)), scrub(a, s, json_val(v, i)));
		return json_object_end(&b);
	default:
		return v;
	}
}

const struct json *secrets_scrub_json(struct arena *a, const struct secrets *s, const struct json *v)
{
	return are_in_json(s, v) ? scrub(a, s, v) : v;
}

static void scrub_field(const struct secrets *s, char *field, size_t room)
{
	struct arena *scratch;
	struct str clean;

	if (!secrets_are_in(s, str_from(field)))
		return;
	scratch = arena_new(NULL);
	clean = secrets_scrub(scratch, s, str_from(field));
	clean.n = clean.n < room ? clean.n : room - 1;	/* "***" is shorter than what it stands for */
	memcpy(field, clean.p, clean.n);
	field[clean.n] = '\0';
	arena_free(scratch);
}

void secrets_scrub_err(const struct secrets *s, struct err *err)
{
	scrub_field(s, err->msg, sizeof err->msg);
	scrub_field(s, err->hint, sizeof err->hint);
}
