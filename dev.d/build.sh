# build - packages and the programs in build/.
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/build
# shellcheck disable=SC2086
install_packages $packages
build_tree build "$@"
say "built: build/src/agentd build/src/agentctl"
