/* openapi.c - GET /openapi.json: what this API is, from the one file that says it (openapi.json, compiled in). */
#include "web/request.h"
#include "web/route.h"

static const char document[] = {
#include "src/web/openapi.inc"
};

void api_openapi(struct request *req)
{
	if (request_no_params(req) == 0)
		reply_json(&req->reply, 200, (struct str){document, sizeof document});
}
