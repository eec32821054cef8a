# chaos - kills, crashes, cuts and zombies against real programs: ./dev chaos [--minutes N] [--seed S] [--only NAME] [--list]
#
# --prove breaks agentd on purpose instead, and wants each break to be noticed. The last line is "N runs, N violations"; the
# exit status is 1 on any. t/chaos/README says what it is made of.
mkdir -p "$var/log" "$var/chaos"
. dev.d/lib/packages
. dev.d/lib/build
# shellcheck disable=SC2086
install_packages $packages $chaos_packages
# shellcheck disable=SC2086
(install_packages $device_packages) || say "going on without them: scenarios that need what is missing are skipped"
build_tree build --enable-werror
build_tree build-san --enable-werror --enable-asan --enable-ubsan --enable-test-hooks
make -C build -j"$jobs" t/bin/effect_sink t/chaos/proxy >>"$var/log/build.log" 2>&1 || die "the build failed (see $var/log/build.log)"
export PYTHONPATH="$root/t/lib"
exec python3 -B t/chaos/main.py --build "$root/build" --hooks-build "$root/build-san" --logs "$var/chaos" "$@"
