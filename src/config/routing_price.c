/* routing_price.c - prices of models: US dollars per million tokens to pico-dollars per token. */
#include "base/arena.h"
#include "base/clock.h"
#include "config/routing_load.h"

enum { TOKENS = 1000000, MAX_USD = 1000, OLD_DAYS = 90 };

/* Dollars per million tokens, in pico-dollars; kept until the division. */
static const struct key price_keys[] = {
	{.name = "input", .type = KEY_MONEY, .flags = KEY_REQUIRED, .offset = offsetof(struct price, input),
	 .text = "US dollars per million input tokens."},
	{.name = "cached", .type = KEY_MONEY, .offset = offsetof(struct price, cached),
	 .text = "US dollars per million input tokens read from a cache; default: as input."},
	{.name = "write_5m", .type = KEY_MONEY, .offset = offsetof(struct price, write_5m),
	 .text = "US dollars per million tokens written to a cache for 5 minutes; default: as input."},
	{.name = "write_1h", .type = KEY_MONEY, .offset = offsetof(struct price, write_1h),
	 .text = "US dollars per million tokens written to a cache for an hour; default: as write_5m."},
	{.name = "output", .type = KEY_MONEY, .offset = offsetof(struct price, output),
	 .text = "US dollars per million output tokens; required but of an embedding, which has none."},
	{.name = "as_of", .type = KEY_TEXT, .flags = KEY_REQUIRED, .offset = offsetof(struct price, as_of),
	 .pattern = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", .pattern_text = "a date such as 2026-11-01",
	 .text = "Day on which the price was looked up."},
};
const struct key_table price_table = {"a price", KEYS(price_keys), "Price of a model, or the word free."};

static bool check_amount(struct load *l, const char *name, const struct yaml *v, int64_t *pusd)
{
	bool ok = false;
	if (*pusd > MAX_USD * PUSD_PER_USD) {
		diag_add(l->d, DIAG_ERROR, v->at, "the unit is US dollars per million tokens",
			 "\"%s\": " STR_FMT " is more than %d", name, STR_ARG(v->text), MAX_USD);
	} else if (*pusd % TOKENS) {
		diag_error(l->d, v->at, "\"%s\": " STR_FMT " has more than 6 decimal places", name, STR_ARG(v->text));
	} else {
		ok = true;
	}
	*pusd /= TOKENS;
	return ok;
}

static void check_date(struct load *l, const struct yaml *v, struct str as_of)
{
	int64_t then_us, age_days;
	if (!as_of.p)
		return;
	if (!time_parse(str_from(arena_printf(l->a, STR_FMT "T00:00:00Z", STR_ARG(as_of))), &then_us)) {
		diag_error(l->d, v->at, "\"as_of\": there is no day " STR_FMT, STR_ARG(as_of));
		return;
	}
	age_days = (clock_wall_us() - then_us) / INT64_C(86400000000);
	if (clock_wall_us() < then_us - INT64_C(86400000000))
		diag_add(l->d, DIAG_WARNING, v->at, NULL, "\"as_of\": " STR_FMT " is in the future", STR_ARG(as_of));
	else if (age_days > OLD_DAYS)
		diag_add(l->d, DIAG_WARNING, v->at, "look the price up again", "the price is %lld days old",
			 (long long)age_days);
}

static void finish(struct load *l, const struct yaml *v, struct price *p)
{
	int64_t *amounts[] = {&p->input, &p->cached, &p->write_5m, &p->write_1h, &p->output};
	const char *names[] = {"input", "cached", "write_5m", "write_1h", "output"};
	bool ok = true;
	for (size_t i = 0; i < 5; i++) {
		const struct yaml *n = yaml_get(v, names[i]);
		if (n && *amounts[i] >= 0)
			ok &= check_amount(l, names[i], n, amounts[i]);
	}
	if (p->cached < 0)
		p->cached = p->input;
	if (p->write_5m < 0)
		p->write_5m = p->input;
	if (p->write_1h < 0)
		p->write_1h = p->write_5m;
	p->known = ok && p->input >= 0;
	if (p->known && !p->input && p->output <= 0)
		diag_error(l->d, v->at, "the price is 0: write `price: free` if it costs nothing");
	else if (p->known && p->cached > p->input)
		diag_error(l->d, v->at, "\"cached\" costs more than \"input\"");
	if (yaml_get(v, "as_of"))
		check_date(l, yaml_get(v, "as_of"), p->as_of);
}

void read_price(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct price *p = (struct price *)((char *)out + k->offset);
	if (v->kind == YAML_SCALAR && str_is(v->text, "free")) {
		*p = (struct price){.known = true, .free = true};
	} else if (v->kind == YAML_MAP) {
		*p = (struct price){.input = -1, .cached = -1, .write_5m = -1, .write_1h = -1, .output = -1};
		if (keys_read(l, &price_table, v, p))
			finish(l, v, p);
	} else {
		diag_error(l->d, v->at, "\"price\": expected free or a map with input, output and as_of, got %s",
			   yaml_describe(v));
	}
}
