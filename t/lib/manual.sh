# manual.sh - the examples in the manual's pages, for tests that hold them to what they show. Source it after daemon.sh.
#
#   manual_begin            before the first page
#   manual_extract PAGE     its marked blocks, each to a file; a line FILE<TAB>KIND<TAB>REST for each in $D/blocks/list, those without
#                           a mark, and marks without a block, in $D/blocks/unmarked

manual_begin() {
	mkdir "$D/blocks"
	: >"$D/blocks/unmarked"
	: >"$D/blocks/list"
}

# Each block to a file PAGE.LINE.KIND, as a reader sees it; unmarked ones to "unmarked".
manual_extract() {	# PAGE
	awk -v page="$1" -v dir="$D/blocks" '
	/^\.\\" example: / { mark = substr($0, 14); next }
	/^\.Bd / {
		if (mark == "") print page ":" FNR > (dir "/unmarked")
		kind = mark
		sub(/ .*/, "", kind)
		rest = substr(mark, length(kind) + 2)
		file = sprintf("%s/%s.%04d.%s", dir, page, FNR, kind == "" ? "none" : kind)
		printf "" > file
		print file "\t" kind "\t" rest > (dir "/list")
		inside = 1
		mark = ""
		next
	}
	/^\.Ed/ { inside = 0 }
	inside {
		sub(/^\\&/, "")
		gsub(/\\\(dq/, "\"")
		gsub(/\\e/, "\\")
		print > file
		next
	}
	mark != "" { print page ":" FNR ": a mark without a block" > (dir "/unmarked"); mark = "" }
	' "$top_srcdir/man/$1"
}
