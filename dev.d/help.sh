# help - the verbs.
cat <<'END'
usage: ./dev VERB

  up               set up everything, start agentd, run the shipped example
  down             stop the daemon and the database
  test [--slow]    set up and run the whole suite; --slow adds the long tier
  build [ARGS]     build/ (ARGS go to configure)
  bench NAME       queue steps waiting latency idle submit scale, or all: figures, one per line
  chaos [ARGS]     kills, crashes, zombies: every promise must hold (--minutes N, --seed S, --only NAME, --list)
  fuzz [SECONDS]   every fuzz target for so long (default 120)
  model [ARGS]     random operations against a model of the queue (--operations N --seed S --jobs J)
  interleave [ARGS]  pairs of operations cut between any two statements (--state STATE --sample N --seed S)
  torture [ARGS]   allocations and library calls that fail in turn (alloc call run --shallow N --every --seed S --only PATTERN)
  coverage         line and branch coverage by file
  fresh [SUITE]    both commands in an empty Debian (bookworm, trixie); needs root
  psql [ARGS]      a shell on the database
  clean            stop and remove everything that ./dev made
END
