/* judge.h - what the risk policy says of a submission.
 *
 * Shapes:  facts as agentd-risk(5) has them of a submission: tool and args are null.
 * Memory:  the arena of the request.
 * Errors:  ERR_POLICY_DENIED: it must not be submitted; reply_err() makes 403 of it.
 * Source:  config/policy_judge.h.
 */
#ifndef WEB_JUDGE_H
#define WEB_JUDGE_H

struct err;
struct request;
struct submission;

int judge_submission(struct request *req, const struct submission *s, struct err *err);

#endif
