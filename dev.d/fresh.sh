# fresh - the README's two commands in an empty Debian: ./dev fresh [bookworm|trixie] [SHELL-COMMAND]
#
# debootstrap makes the smallest system from the mirror that this machine's apt uses; podman runs it with the
# host's network; the clone inside is of what is committed here. The base image is kept below var/fresh
# (remove that directory to make it anew), the container is not.
suite=${1:-bookworm}
[ $# -gt 0 ] && shift
steps=${*:-./dev up && ./dev down && ./dev test}
[ "$(id -u)" = 0 ] || die "fresh needs root (debootstrap and a container with its own users)"
case $suite in
bookworm) ;;
trixie) ;;
*) die "fresh: \"$suite\": expected bookworm or trixie" ;;
esac
mkdir -p "$var/log" "$var/fresh"
. dev.d/lib/packages
install_packages debootstrap podman runc git

image=localhost/agentd-fresh:$suite
rootfs=$var/fresh/$suite
store=$var/fresh/storage
pod() { podman --root "$store" --runroot "$var/fresh/run" --runtime runc "$@"; }

# The mirror and how to reach it, as apt on this machine has them.
find_mirror() {
	[ -n "${AGENTD_MIRROR:-}" ] && {
		echo "$AGENTD_MIRROR"
		return
	}
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 2>/dev/null | awk '$1 == "Debian" && $2 !~ /security/ {print $2; exit}'
}

make_image() {
	pod image exists "$image" && return 0
	mirror=$(find_mirror)
	[ -n "$mirror" ] || die "apt here knows no Debian mirror; set AGENTD_MIRROR"
	head_line "debootstrap of $suite"
	rm -rf "$rootfs"
	debootstrap --variant=minbase "$suite" "$rootfs" "$mirror" >"$var/log/debootstrap-$suite.log" 2>&1 || {
		tail -n 20 "$var/log/debootstrap-$suite.log" >&2
		die "debootstrap failed"
	}
	apt-config dump | grep -E '^Acquire::https?::(Proxy|CaInfo|CaPath|Verify-)' >"$rootfs/etc/apt/apt.conf.d/01fresh" || :
	if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
		mkdir -p "$rootfs/usr/local/share/ca-certificates"
		cp /usr/local/share/ca-certificates/*.crt "$rootfs/usr/local/share/ca-certificates/"
	fi
	tar -C "$rootfs" -c . | pod import -q - "$image" >/dev/null || die "podman could not import the image"
	rm -rf "$rootfs"
}

make_image
rm -rf "$var/fresh/repo.git"
git clone -q --bare "$root" "$var/fresh/repo.git"
log=$var/log/fresh-$suite.log
head_line "fresh $suite: $steps"
say "log: $log"
status=0
files=$(ulimit -Hn)
[ "$files" = unlimited ] && files=65536
pod run --rm --network host --ulimit "nofile=$files:$files" --ulimit nproc=4096:4096 \
	-v "$var/fresh/repo.git:/repo.git:ro" -e CI=true -e AGENTD_PORT="${AGENTD_PORT:-18470}" "$image" /bin/sh -ec "
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends git >/dev/null 2>&1
	git config --global --add safe.directory '*'
	git clone -q /repo.git /root/agentd
	cd /root/agentd
	$steps" </dev/null >"$log" 2>&1 || status=$?
tail -n "${AGENTD_FRESH_LINES:-25}" "$log"
if [ $status = 0 ]; then
	say "fresh $suite: ok"
else
	say "fresh $suite: failed with status $status"
	exit 1
fi
