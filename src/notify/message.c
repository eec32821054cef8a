/* message.c - see message.h. */
#include "notify/message.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/webhook.h"
#include "notify/notice.h"
#include "store/webhooks.h"

enum { MAX_ASKED_S = 24 * 60 * 60 };

static const struct template *const templates[] = {
	[NOTIFY_NTFY] = &template_ntfy,
	[NOTIFY_SLACK] = &template_slack,
	[NOTIFY_TELEGRAM] = &template_telegram,
	[NOTIFY_JSON] = &template_json,
};

const struct json *message_text(struct arena *a, struct str s)
{
	return json_string_clean(a, s);
}

static int take_token(struct arena *a, const struct notify_target *t, const char **ret, struct err *err)
{
	const char *value;

	*ret = NULL;
	if (!t || !t->token)
		return 0;
	value = getenv(t->token);
	for (const char *p = value; p && *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			value = NULL;
	if (!value || !*value)
		return err_set(err, ERR_CONFIG, "notify: target \"" STR_FMT "\": environment variable %s holds no token", STR_ARG(t->name), t->token);
	*ret = arena_strdup(a, value);
	return 0;
}

int message_check(struct arena *a, const struct notify_target *t, struct err *err)
{
	const char *token;

	return take_token(a, t, &token, err);
}

int64_t message_asked_ms(struct arena *a, const struct notify_target *t, struct str body)
{
	const struct json *v;
	double s;

	if (!t || !templates[t->template]->asked_s || !body.n || json_parse_lenient(a, body, NULL, &v, NULL) < 0)
		return 0;
	s = templates[t->template]->asked_s(v);
	return s > 0 ? (int64_t)((s < MAX_ASKED_S ? s : MAX_ASKED_S) * 1000) : 0;
}

int message_make(struct arena *a, const struct delivery *d, const struct notify_target *t, const char *link, struct message *ret,
		 struct err *err)
{
	struct message_input in = {.a = a, .delivery = d, .target = t};
	struct notice notice;
	const struct json *v;

	*ret = (struct message){0};
	if (take_token(a, t, &in.token, err) < 0)
		return -1;
	if (!t || json_parse_lenient(a, d->body, NULL, &v, NULL) < 0)
		v = NULL;
	notice_make(a, d->event, v, link, &notice);
	in.notice = &notice;
	(t ? templates[t->template] : &template_json)->make(&in, ret);
	if (ret->json)
		ret->body = json_text(a, ret->json);
	return 0;
}
