/* metric.h - counts what the process does; told by /metrics.
 *
 * Shapes:  a family (metric.def) has series, one for each set of label values: "route=\"/tasks\",method=\"GET\"" is a series'
 *          text. A counter or gauge has one value; a histogram has its buckets (not cumulated, the last without bound), then the sum.
 *          A family keeps 400 series; what comes after those is counted under "other".
 * Units:   whole numbers of the family's unit; metric_write() shows ms as seconds and pico-dollars as dollars.
 * Memory:  of the process, until it ends: series are few and stay.
 * Errors:  none. On the loop's thread only.
 * Source:  metric.def; agentd-metrics(7); the text format of Prometheus, 0.0.4.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum metric_scope { METRIC_OWN, METRIC_LOCAL, METRIC_SHARED, METRIC_TABLES };
enum metric_unit { METRIC_ONE, METRIC_MS, METRIC_PUSD, METRIC_TOKENS };

enum metric {
#define METRIC(symbol, name, type, scope, unit, labels, help) METRIC_##symbol,
#include "base/metric.def"
#undef METRIC
	METRICS
};

enum { METRIC_MAX_VALUES = 16, METRIC_MAX_LABELS = 4 };

struct metric_family {
	const char *name;
	enum metric_type type;
	enum metric_scope scope;
	enum metric_unit unit;
	const char *labels;	/* "route,method" */
	const char *help;
};

const struct metric_family *metric_family(enum metric m);
/* The family of that name; METRICS: none. */
enum metric metric_by_name(struct str name);
size_t metric_values(enum metric m);	/* of each of its series */

/* One label value for each name in the family; STR_NONE is "". */
void metric_add_labels(enum metric m, const struct str *labels, int64_t n);	/* counter: adds; histogram: observes n */
void metric_set_labels(enum metric m, const struct str *labels, int64_t value);	/* gauge */
#define metric_add(m, n, ...) metric_add_labels((m), (const struct str[]){__VA_ARGS__}, (n))
#define metric_set(m, value, ...) metric_set_labels((m), (const struct str[]){__VA_ARGS__}, (value))

/* Every series of the family; digits of values are whole numbers. */
typedef void metric_each_fn(void *arg, struct str labels, const int64_t *values);
void metric_each(enum metric m, metric_each_fn *fn, void *arg);
/* What was counted in shared families since the last report that was taken: of counters the difference, of gauges the value
 * where it is another. */
typedef void metric_news_fn(void *arg, enum metric m, struct str labels, const int64_t *values);
void metric_news(metric_news_fn *fn, void *arg);
void metric_news_taken(bool ok);	/* what metric_news() told last has been written, or has to be told again */

/* --- text --- */
void metric_write_head(struct buf *out, enum metric m);	/* HELP and TYPE */
/* values: decimal digits, as many as metric_values() says. */
void metric_write(struct buf *out, enum metric m, struct str labels, const struct str *values);
void metric_write_local(struct buf *out, enum metric m);	/* head and every series of this process */
/* name="value", escaped; value is cut at 100 bytes and made valid. */
void metric_write_label(struct buf *out, const char *name, struct str value);

#endif
