/* risk.h - how much is at stake: words of steps, calls, tools and rules, from least to most.
 *
 * Errors:  none.
 * Source:  agentd-risk(5), agentd-tool(5), agentd-workflow(5).
 */
#ifndef CONFIG_RISK_H
#define CONFIG_RISK_H

enum risk { RISK_UNSET, RISK_LOW, RISK_MEDIUM, RISK_HIGH, RISK_FORBIDDEN };

extern const char *const risk_words[], *const rule_risk_words[];	/* for keys, from RISK_LOW on; only a rule may say forbidden */

const char *risk_name(enum risk r);	/* "low"; NULL: nothing is said */
enum risk risk_higher(enum risk a, enum risk b);

#endif
