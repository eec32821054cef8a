# idle - what all modes in one process cost when there is nothing to do.
bench_init
d_publish
d_start all all
ticks() { awk '{print $14 + $15}' "/proc/$(d_pid all)/stat"; }
sleep 2 # what starting costs is not idling
before=$(ticks)
sleep 20 # the measured time
figure cpu_percent "$(awk -v t=$(($(ticks) - before)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", t * 100 / hz / 20 }')" %
figure rss_mib "$(rss "$(d_pid all)")" MiB
