/* spend.c - worst case before, price after; all in integers. */
#include "gateway/spend.h"

#include "base/err.h"
#include "base/json.h"
#include "gateway/gateway.h"

static size_t message_bytes(const struct message *m)
{
	size_t bytes = m->text.n + m->call_id.n + m->echo.n;

	for (size_t i = 0; i < m->n_calls; i++)
		bytes += m->calls[i].id.n + m->calls[i].name.n + m->calls[i].args.n;
	return bytes;
}

int64_t spend_input_tokens(const struct model_request *req)
{
	size_t bytes = req->output ? json_size(req->output) : 0, n = req->n_messages + req->n_tools;

	for (size_t i = 0; i < req->n_messages; i++) {
		bytes += message_bytes(&req->messages[i]);
		n += req->messages[i].n_calls;
	}
	for (size_t i = 0; i < req->n_tools; i++) {
		const struct model_tool *t = &req->tools[i];

		bytes += t->name.n + t->description.n + (t->args ? json_size(t->args) : 0);
	}
	return (int64_t)((bytes + 2) / 3 + n * TOKENS_PER_MESSAGE + TOKENS_PER_REQUEST);
}

int64_t spend_text_tokens(const struct str *texts, size_t n)
{
	size_t tokens = 0;

	for (size_t i = 0; i < n; i++)
		tokens += (texts[i].n + 2) / 3 + TOKENS_PER_TEXT;
	return (int64_t)tokens;
}

int64_t spend_max_output(const struct model *m, int64_t asked)
{
	if (asked <= 0 || (m->max_output > 0 && m->max_output < asked))
		return m->max_output;
	return asked;
}

static int64_t dearest_input(const struct price *p)
{
	int64_t most = p->input;

	most = p->cached > most ? p->cached : most;
	most = p->write_5m > most ? p->write_5m : most;
	return p->write_1h > most ? p->write_1h : most;
}

/* *sum += count * price */
static bool add_product(int64_t *sum, int64_t count, int64_t price)
{
	int64_t product;

	return !__builtin_mul_overflow(count, price, &product) && !__builtin_add_overflow(*sum, product, sum);
}

int spend_estimate(const struct model *m, int64_t input_tokens, int64_t max_output, int64_t *ret_pusd, struct err *err)
{
	int64_t sum = 0;

	if (m->price.free || (m->unreserved && (!m->price.known || max_output <= 0))) {
		*ret_pusd = 0;
		return 0;
	}
	if (!m->price.known)
		return err_set(err, ERR_MODEL_NO_ROUTE, "it has no price: its cost cannot be reserved");
	if (m->kind == MODEL_EMBEDDING)
		max_output = 0;
	else if (max_output <= 0)
		return err_set(err, ERR_MODEL_NO_ROUTE, "it has no max_output and the step asks for none: "
			       "its cost cannot be reserved");
	if (!add_product(&sum, input_tokens, dearest_input(&m->price)) ||
	    !add_product(&sum, max_output, m->price.output))
		return err_set(err, ERR_MODEL_NO_ROUTE, "its worst case is more than 9,000,000 USD");
	*ret_pusd = sum;
	return 0;
}

int spend_cost(const struct price *p, const struct usage *u, int64_t *ret_pusd)
{
	int64_t sum = 0;

	if (!p->free && (!add_product(&sum, u->in_fresh, p->input) || !add_product(&sum, u->in_cached, p->cached) ||
			 !add_product(&sum, u->in_write_5m, p->write_5m) ||
			 !add_product(&sum, u->in_write_1h, p->write_1h) ||
			 !add_product(&sum, u->out_text, p->output) || !add_product(&sum, u->out_reason, p->output)))
		return -1;
	*ret_pusd = sum;
	return 0;
}

int64_t pusd_add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

void usage_add(struct usage *a, const struct usage *b)
{
	a->in_fresh = pusd_add(a->in_fresh, b->in_fresh);
	a->in_cached = pusd_add(a->in_cached, b->in_cached);
	a->in_write_5m = pusd_add(a->in_write_5m, b->in_write_5m);
	a->in_write_1h = pusd_add(a->in_write_1h, b->in_write_1h);
	a->out_text = pusd_add(a->out_text, b->out_text);
	a->out_reason = pusd_add(a->out_reason, b->out_reason);
}

/* Refusals: the provider did no work that it charges for. */
static bool is_refusal(enum err_code code)
{
	switch (code) {
	case ERR_MODEL_RATE_LIMITED:
	case ERR_MODEL_QUOTA_EXHAUSTED:
	case ERR_MODEL_BILLING:
	case ERR_MODEL_AUTH:
	case ERR_MODEL_OVERLOADED:
	case ERR_MODEL_SERVER_ERROR:
	case ERR_MODEL_NOT_FOUND:
	case ERR_MODEL_INVALID_REQUEST:
	case ERR_MODEL_CONTEXT_OVERFLOW:
		return true;
	default:
		return false;
	}
}

int64_t spend_settle(const struct price *p, const struct attempt_end *end, int64_t estimate_pusd,
		     const char **ret_source)
{
	int64_t cost;

	*ret_source = "none";
	if (end->has_cost) {
		*ret_source = "provider";
		return end->cost_pusd;
	}
	if (p->free || !p->known)	/* without a price only another gateway's models are asked */
		return 0;
	if (end->has_usage && spend_cost(p, &end->usage, &cost) == 0) {
		*ret_source = "computed";
		return cost;
	}
	if (!end->sent || end->http_status >= 300 || (is_refusal(end->code) && !end->output_began))
		return 0;
	*ret_source = "estimated";
	return estimate_pusd;
}
