#!/bin/sh
# 0310-google-client.t - Google's own client for the Gemini API understands the stub provider, and is understood by it.
#
# The client is the Python package google-genai: of $GOOGLE_GENAI_PYTHON, of the python3 in PATH, or one that pip installs below var/
# once; skipped where none is to be had.
has_client() {
	"$1" -c 'import google.genai' 2>/dev/null
}
python=${GOOGLE_GENAI_PYTHON:-python3}
venv=$top_srcdir/var/google-genai
command -v "$python" >/dev/null || {
	echo "1..0 # SKIP no $python"
	exit 0
}
if ! has_client "$python"; then
	if [ ! -x "$venv/bin/python" ]; then
		mkdir -p "$top_srcdir/var" && "$python" -m venv "$venv" >/dev/null 2>&1 &&
			timeout 300 "$venv/bin/pip" install -q 'google-genai>=1.50,<4' >/dev/null 2>&1 || rm -rf "$venv"
	fi
	python=$venv/bin/python
fi
has_client "$python" || {
	echo "1..0 # SKIP no google-genai, and pip could not install it"
	exit 0
}
exec timeout 120 "$python" "$top_srcdir/t/lib/google_client.py" "$top_builddir/t/bin/stub_provider"
