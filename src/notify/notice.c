/* notice.c - see notice.h. */
#include "notify/notice.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/visible.h"

enum { HEADLINE_BYTES = 140, TEXT_BYTES = 1200, FACT_BYTES = 160 };

static const struct {
	const char *event, *headline;
	bool urgent;
} events[] = {
	{"approval.requested", "Approval wanted", true},
	{"approval.expiring", "Approval wanted, it expires soon", true},
	{"task.failed", "Task failed", false},
	{"task.uncertain", "Task uncertain: somebody must say what happened", true},
	{"task.quarantined", "Task quarantined", true},
};

/* Whole characters, and a sign that there was more. */
static struct str shown(struct arena *a, struct str s, size_t max)
{
	struct str clean = str_visible(a, s, false);

	if (clean.n <= max)
		return clean.p ? clean : STR("");
	clean = str_clip(clean, max);
	return str_from(arena_printf(a, STR_FMT "…", STR_ARG(clean)));
}

static void add(struct arena *a, struct notice *n, const char *name, struct str text)
{
	if (text.n && n->n_facts < NOTICE_FACTS)
		n->facts[n->n_facts++] = (struct fact){name, shown(a, text, FACT_BYTES)};
}

static void add_member(struct arena *a, struct notice *n, const char *name, const struct json *v, const char *key)
{
	add(a, n, name, json_str(json_getc(v, key)));
}

static void of_approval(struct arena *a, const struct json *v, struct notice *n)
{
	n->text = shown(a, json_str(json_getc(v, "title")), TEXT_BYTES);
	add_member(a, n, "Workflow", v, "workflow");
	add_member(a, n, "Step", v, "step");
	add_member(a, n, "Tool", v, "tool");
	add_member(a, n, "Risk", v, "risk");
	add_member(a, n, "Expires", v, "expires_at");
	add_member(a, n, "Request", v, "id");
}

static void of_task(struct arena *a, const struct json *v, struct notice *n)
{
	const struct json *error = json_getc(v, "error");
	struct str type = json_str(json_getc(error, "type")), message = json_str(json_getc(error, "message"));

	n->text = type.n ? shown(a, str_from(arena_printf(a, STR_FMT ": " STR_FMT, STR_ARG(type), STR_ARG(message))), TEXT_BYTES) : STR("");
	add_member(a, n, "Workflow", v, "workflow");
	add_member(a, n, "State", v, "state");
	add_member(a, n, "Step", error, "step");
	add_member(a, n, "Task", v, "id");
}

bool notice_is_of_approval(struct str event)
{
	return str_starts(event, STR("approval."));
}

void notice_make(struct arena *a, struct str event, const struct json *v, const char *link, struct notice *ret)
{
	const char *headline = "Task";
	struct str workflow = json_str(json_getc(v, "workflow"));

	*ret = (struct notice){.text = STR(""), .link = link, .link_text = "Look and decide"};
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		if (str_is(event, events[i].event)) {
			headline = events[i].headline;
			ret->urgent = events[i].urgent;
		}
	ret->headline = shown(a, workflow.n ? str_from(arena_printf(a, "%s: " STR_FMT, headline, STR_ARG(workflow))) : str_from(headline),
			      HEADLINE_BYTES);
	if (notice_is_of_approval(event))
		of_approval(a, v, ret);
	else
		of_task(a, v, ret);
}

struct str notice_lines(struct arena *a, const struct notice *n)
{
	struct buf b;

	buf_init(&b, a);
	buf_addstr(&b, n->text);
	for (size_t i = 0; i < n->n_facts; i++)
		buf_addf(&b, "%s%s: " STR_FMT, b.n ? "\n" : "", n->facts[i].name, STR_ARG(n->facts[i].text));
	return b.n ? buf_str(&b) : STR("");
}
