/* routes.c - prints the table of routes, for tests: METHOD PATTERN SCOPES TYPE.
 *
 * SCOPES: "read|approve", "any" of them, or "none". TYPE: the media type of the body, or "-".
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/admin.h"
#include "web/route.h"

static const char *const scopes[] = {"submit", "read", "approve", "admin", "metrics"};

static void print_scopes(unsigned wanted)
{
	const char *between = "";

	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
		if (wanted & scope_parse(str_from(scopes[i]))) {
			printf("%s%s", between, scopes[i]);
			between = "|";
		}
}

int main(void)
{
	unsigned known = 0;

	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
		known |= scope_parse(str_from(scopes[i]));
	if (known != SCOPE_ANY) {
		fputs("routes: there is a scope that this program does not name\n", stderr);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < n_routes; i++) {
		const struct route *r = &routes[i];

		printf("%s %s ", r->method, r->pattern);
		if (r->scope == 0 || r->scope == SCOPE_ANY)
			fputs(r->scope ? "any" : "none", stdout);
		else
			print_scopes(r->scope);
		printf(" %s\n", r->content_type ? r->content_type : "-");
	}
	return EXIT_SUCCESS;
}
