/* template_telegram.c - Telegram's sendMessage: text without parse_mode is plain, whatever is in it; the link is a button.
 * How long to wait after too many messages stands in the body of its answer: {"parameters": {"retry_after": SECONDS}}. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/webhook.h"
#include "notify/message.h"
#include "notify/notice.h"

enum { TEXT_BYTES = 4000 };	/* of 4096 characters */

static const struct json *one(struct arena *a, const struct json *v)
{
	return json_array(a, &v, 1);
}

static const struct json *keyboard(struct arena *a, const struct notice *n)
{
	struct json_builder b;
	const struct json *button;

	json_object_begin(&b, a);
	json_object_setc(&b, "text", json_stringc(a, n->link_text));
	json_object_setc(&b, "url", json_stringc(a, n->link));
	button = json_object_end(&b);
	json_object_begin(&b, a);
	json_object_setc(&b, "inline_keyboard", one(a, one(a, button)));
	return json_object_end(&b);
}

static const struct json *no_preview(struct arena *a)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "is_disabled", json_bool(true));
	return json_object_end(&b);
}

static void make(const struct message_input *in, struct message *ret)
{
	const struct notice *n = in->notice;
	struct str chat = in->target->chat, lines = notice_lines(in->a, n);
	const struct json *number = json_number(in->a, chat);
	const char *url = in->target->url;
	struct json_builder b;

	json_object_begin(&b, in->a);
	json_object_setc(&b, "chat_id", number ? number : message_text(in->a, chat));
	json_object_setc(&b, "text", message_text(in->a, str_clip(str_from(arena_printf(in->a, STR_FMT "\n\n" STR_FMT, STR_ARG(n->headline),
												       STR_ARG(lines))), TEXT_BYTES)));
	json_object_setc(&b, "link_preview_options", no_preview(in->a));
	if (n->link)
		json_object_setc(&b, "reply_markup", keyboard(in->a, n));
	ret->url = arena_printf(in->a, "%s%sbot%s/sendMessage", url, url[strlen(url) - 1] == '/' ? "" : "/", in->token);
	ret->json = json_object_end(&b);
}

static double asked_s(const struct json *answer)
{
	const struct json *v = json_getc(json_getc(answer, "parameters"), "retry_after");

	return json_is_number(v) ? json_to_double(v) : 0;
}

const struct template template_telegram = {"telegram", make, asked_s};
