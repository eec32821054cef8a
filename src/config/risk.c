/* risk.c - see risk.h. */
#include "config/risk.h"

#include <stddef.h>

const char *const risk_words[] = {"low", "medium", "high", NULL};
const char *const rule_risk_words[] = {"low", "medium", "high", "forbidden", NULL};

const char *risk_name(enum risk r)
{
	return r == RISK_UNSET ? NULL : rule_risk_words[r - RISK_LOW];
}

enum risk risk_higher(enum risk a, enum risk b)
{
	return a > b ? a : b;
}
