# browser.sh - a headless browser for tests: Chromium and playwright-core. Source it after daemon.sh.
#
#   browser_find         sets $chromium and $modules (a node_modules with playwright-core and axe-core); false, and why in
#                        $browser_why, where they cannot be had
#   browser_run ARG...   node with t/lib/page.mjs
#
# The packages of npm are installed once, below var/. CHROMIUM names another browser.

browser_find() {
	browser_why=
	chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
	modules=$top_srcdir/var/playwright/node_modules
	if [ -z "$chromium" ]; then
		browser_why="no chromium"
	elif ! command -v python3 >/dev/null; then
		browser_why="no python3"
	elif ! command -v node >/dev/null; then
		browser_why="no node"
	elif [ ! -d "$modules/playwright-core" ] || [ ! -d "$modules/axe-core" ]; then
		mkdir -p "$top_srcdir/var/playwright" 2>/dev/null &&
			timeout 300 npm install --prefix "$top_srcdir/var/playwright" --no-save --no-audit --no-fund playwright-core@1 axe-core@4 \
				>"$D/npm.txt" 2>&1 || browser_why="npm cannot install playwright-core"
	fi
	[ -z "$browser_why" ]
}

browser_run() { CHROMIUM=$chromium MODULES=$modules node "$top_srcdir/t/lib/page.mjs" "$@"; }
