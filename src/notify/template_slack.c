/* template_slack.c - Slack's incoming webhooks: blocks whose texts are plain_text, with & < > escaped, so that nothing in them is a
 * mention, a link or an emoji. The token is the secret end of the webhook's address. */
#include "base/arena.h"
#include "base/json.h"
#include "config/webhook.h"
#include "notify/message.h"
#include "notify/notice.h"

enum { HEADER_BYTES = 150, SECTION_BYTES = 2900 };	/* Slack counts characters, of which there are no more than bytes */

static struct str escaped(struct arena *a, struct str s)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '&')
			buf_adds(&b, "&amp;");
		else if (s.p[i] == '<')
			buf_adds(&b, "&lt;");
		else if (s.p[i] == '>')
			buf_adds(&b, "&gt;");
		else
			buf_addc(&b, s.p[i]);
	}
	return b.n ? buf_str(&b) : STR("");
}

/* Cut before an escape that would not fit whole. */
static struct str fitting(struct arena *a, struct str s, size_t max)
{
	struct str e = escaped(a, s);

	while (e.n > max) {
		s = str_clip(s, s.n - (e.n - max + 4) / 5);	/* a byte becomes 5 at most */
		e = escaped(a, s);
	}
	return e;
}

static const struct json *plain(struct arena *a, struct str text)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "type", json_stringc(a, "plain_text"));
	json_object_setc(&b, "text", message_text(a, text));
	json_object_setc(&b, "emoji", json_bool(false));
	return json_object_end(&b);
}

static const struct json *block(struct arena *a, const char *type, const char *key, const struct json *v)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "type", json_stringc(a, type));
	json_object_setc(&b, key, v);
	return json_object_end(&b);
}

static const struct json *buttons(struct arena *a, const struct notice *n)
{
	struct json_builder list, b;

	json_object_begin(&b, a);
	json_object_setc(&b, "type", json_stringc(a, "button"));
	json_object_setc(&b, "text", plain(a, str_from(n->link_text)));
	json_object_setc(&b, "url", json_stringc(a, n->link));
	json_array_begin(&list, a);
	json_array_add(&list, json_object_end(&b));
	return json_array_end(&list);
}

static void make(const struct message_input *in, struct message *ret)
{
	const struct notice *n = in->notice;
	struct arena *a = in->a;
	struct json_builder b, blocks;
	struct str lines = fitting(a, notice_lines(a, n), SECTION_BYTES);
	size_t url_n = strlen(in->target->url);

	json_array_begin(&blocks, a);
	json_array_add(&blocks, block(a, "header", "text", plain(a, fitting(a, n->headline, HEADER_BYTES))));
	if (lines.n)
		json_array_add(&blocks, block(a, "section", "text", plain(a, lines)));
	if (n->link)
		json_array_add(&blocks, block(a, "actions", "elements", buttons(a, n)));
	json_object_begin(&b, a);
	json_object_setc(&b, "text", message_text(a, escaped(a, n->headline)));	/* what notifications show */
	json_object_setc(&b, "mrkdwn", json_bool(false));
	json_object_setc(&b, "unfurl_links", json_bool(false));
	json_object_setc(&b, "unfurl_media", json_bool(false));
	json_object_setc(&b, "blocks", json_array_end(&blocks));
	ret->url = in->token ? arena_printf(a, "%s%s%s", in->target->url, in->target->url[url_n - 1] == '/' ? "" : "/", in->token) : in->target->url;
	ret->json = json_object_end(&b);
}

const struct template template_slack = {"slack", make, NULL};
