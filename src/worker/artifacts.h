/* artifacts.h - the artifacts of tasks for their tools: tools/artifact.h over the store.
 *
 * Memory:  the port lives in the arena; store and settings must outlive its calls.
 * Errors:  as tools/artifact.h.
 * Source:  store/artifacts.h.
 */
#ifndef WORKER_ARTIFACTS_H
#define WORKER_ARTIFACTS_H

struct arena;
struct artifact_port;
struct loop;
struct settings;
struct store;

const struct artifact_port *artifacts_port(struct arena *a, struct loop *l, struct store *s, const struct settings *settings);

#endif
