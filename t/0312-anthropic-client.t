#!/bin/sh
# 0312-anthropic-client.t - the stub is Anthropic's Messages to Anthropic's own Python client: plain, streamed, tools, thinking, errors.
#
# AGENTD_PYTHON names an interpreter that has the package (pip install anthropic); default: python3.
python=${AGENTD_PYTHON:-python3}
"$python" -c 'import anthropic' 2>/dev/null || {
	echo "1..0 # SKIP no Python package anthropic"
	exit 0
}
exec "$python" "$top_srcdir/t/lib/anthropic_client.py" "$top_builddir/t/bin/stub_provider"
