/* template_ntfy.c - ntfy: a JSON document to the server's root; texts are plain, as "markdown" is not set. */
#include "base/arena.h"
#include "base/json.h"
#include "config/webhook.h"
#include "notify/message.h"
#include "notify/notice.h"

enum { MESSAGE_BYTES = 3900 };	/* longer than 4096 it would become an attachment */

static const struct json *actions(struct arena *a, const struct notice *n)
{
	struct json_builder list, b;

	json_object_begin(&b, a);
	json_object_setc(&b, "action", json_stringc(a, "view"));
	json_object_setc(&b, "label", json_stringc(a, n->link_text));
	json_object_setc(&b, "url", json_stringc(a, n->link));
	json_array_begin(&list, a);
	json_array_add(&list, json_object_end(&b));
	return json_array_end(&list);
}

static void make(const struct message_input *in, struct message *ret)
{
	const struct notice *n = in->notice;
	struct json_builder b, tags;

	json_array_begin(&tags, in->a);
	json_array_add(&tags, json_stringc(in->a, n->urgent ? "rotating_light" : "warning"));
	json_object_begin(&b, in->a);
	json_object_setc(&b, "topic", message_text(in->a, in->target->topic));
	json_object_setc(&b, "title", message_text(in->a, n->headline));
	json_object_setc(&b, "message", message_text(in->a, str_clip(notice_lines(in->a, n), MESSAGE_BYTES)));
	json_object_setc(&b, "priority", json_int(in->a, n->urgent ? 4 : 3));
	json_object_setc(&b, "tags", json_array_end(&tags));
	if (n->link) {
		json_object_setc(&b, "click", json_stringc(in->a, n->link));
		json_object_setc(&b, "actions", actions(in->a, n));
	}
	ret->url = in->target->url;
	ret->json = json_object_end(&b);
	ret->token = in->token;
}

const struct template template_ntfy = {"ntfy", make, NULL};
