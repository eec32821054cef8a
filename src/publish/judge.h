/* judge.h - what the risk policy says of a submission.
 *
 * Shapes:  facts as agentd-risk(5) has them of a submission: tool and args are null.
 * Memory:  scratch in the arena given.
 * Errors:  ERR_POLICY_DENIED: it must not be submitted.
 * Source:  config/policy_judge.h.
 */
#ifndef PUBLISH_JUDGE_H
#define PUBLISH_JUDGE_H

struct arena;
struct err;
struct policy;
struct submission;

/* p NULL: nothing is judged. */
int judge_submission(struct arena *a, const struct policy *p, const struct submission *s, struct err *err);

#endif
