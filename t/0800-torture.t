#!/bin/sh
# 0800-torture.t - unit tests with one allocation (C1) or one library call (C2) that fails, a sample of ./dev torture: AGENTD_TORTURE_UNITS=N
# call paths of each program (2), AGENTD_TORTURE_SEED repeats a sample.
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}
status=0 n=0
# what starts a cluster or takes seconds is for the long run
for kind in alloc call; do
	n=$((n + 1))
	if python3 "$top_srcdir/t/lib/torture.py" "$top_builddir" $kind --shallow "${AGENTD_TORTURE_UNITS:-2}" --jobs 2 \
		${AGENTD_TORTURE_SEED:+--seed "$AGENTD_TORTURE_SEED"} --only 'base/[defhjlsu]*' --only 'config/expr_[cst]*' --only config/bundle --only 'engine/[aepr]*' \
		--only engine/state --only 'gateway/[rs]*' --only store/submission --only tools/shape --only tools/shipped --only worker/worker; then
		echo "ok $n - $kind: every failure is survived or ends with a message"
	else
		echo "not ok $n - $kind: every failure is survived or ends with a message"
		status=1
	fi
done
echo "1..$n"
exit $status
