/* page.c - GET / and /ui/: the files of the page, compiled in (src/web/ui, made into a table by ui/pack). */
#include <string.h>

#include "base/str.h"
#include "web/head.h"
#include "web/request.h"
#include "web/route.h"

struct file {
	const char *name, *type, *etag;
	const unsigned char *bytes;
	size_t n;
};

#include "src/web/page.inc"

static const struct file *find(struct str name)
{
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (str_is(name, files[i].name))
			return &files[i];
	return NULL;
}

void api_page(struct request *req)
{
	const struct file *f = find(req->name.p ? req->name : STR("index.html"));
	const char *have = head_get(req, "If-None-Match");

	if (request_no_params(req) < 0)
		return;
	if (!f)
		reply_problem(&req->reply, req->arena, 404, "not_found", "the page has no file \"" STR_FMT "\"", STR_ARG(req->name));
	else if (have && strstr(have, f->etag))
		reply_file(&req->reply, req->arena, f->type, f->etag, STR_NONE);
	else
		reply_file(&req->reply, req->arena, f->type, f->etag, (struct str){(const char *)f->bytes, f->n});
}

/* Whoever types the address wants the page. */
void api_root(struct request *req)
{
	const char *accept = head_get(req, "Accept");

	if (request_no_params(req) < 0)
		return;
	if (!accept || !strstr(accept, "text/html")) {
		reply_problem(&req->reply, req->arena, 404, "not_found", "nothing is here for programs; the page is at /ui/");
		return;
	}
	reply_empty(&req->reply);
	req->reply.status = 303;
	req->reply.location = "/ui/";
}
