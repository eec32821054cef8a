/* template_json.c - a task's own webhook, and any program that is told of all tasks: the event with its data, signed. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/webhook.h"
#include "notify/message.h"
#include "notify/notice.h"
#include "store/webhooks.h"

/* The data is put in as the database says it: numbers keep their literals. */
static void make(const struct message_input *in, struct message *ret)
{
	const struct delivery *d = in->delivery;
	struct buf b;
	char at[32];

	time_format(d->created_us, at);
	buf_init(&b, in->a);
	buf_addf(&b, "{\"type\":\"" STR_FMT "\",\"timestamp\":\"%s\"", STR_ARG(d->event), at);
	if (in->notice->link) {
		buf_adds(&b, ",\"link\":");
		json_write_string(&b, str_from(in->notice->link));
	}
	buf_adds(&b, ",\"data\":");
	buf_addstr(&b, d->body);
	buf_addc(&b, '}');
	ret->url = in->target ? in->target->url : str_cstr(in->a, d->url);
	ret->body = buf_str(&b);
	ret->token = in->token;
	ret->sign = true;
}

const struct template template_json = {"json", make, NULL};
