# clean - stop, then remove what ./dev made: var/, build trees, generated files.
. dev.d/down.sh
rm -rf "$data" "$sock" "$var" build build-* aclocal.m4 autom4te.cache build-aux configure configure~ config.h.in config.h.in~ Makefile.in
say "clean"
