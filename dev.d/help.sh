# help - the verbs.
cat <<'END'
usage: ./dev VERB

  up [--yes]       set up everything, start agentd, run shipped examples; the last one waits for you, unless --yes approves it
  down             stop the daemon and the database
  test [--slow]    set up and run the whole suite; --slow adds the long tier
  build [ARGS]     build/ (ARGS go to configure)
  bench NAME       queue steps waiting gateway latency idle connections sse submit door schema scale, or all: figures, one per line
                   (--tasks N; scale: --only PART,... --shrink N)
  chaos [ARGS]     kills, crashes, cuts, full disks, wrong clocks: every promise must hold
                   (--minutes N --scale X --seed S --only NAME --list --keep --prove [NAMES] --break NAME)
  fuzz [SECONDS] [TARGET...]  each fuzz target, or these, for so long (default 120)
  model [ARGS]     random operations against a model of the queue (--operations N --seed S --jobs J)
  interleave [ARGS]  pairs of operations cut between any two statements (--state STATE --sample N --seed S --pair A,B)
  torture [ARGS]   allocations and library calls that fail in turn (alloc call run --shallow N --every --seed S --only PATTERN --jobs J)
  openapi [N]      N generated requests (20000), none of which may have an answer that /openapi.json does not describe (--seed S)
  coverage         line and branch coverage by file
  fresh [SUITE] [COMMAND]  both commands, or this, in an empty Debian (bookworm, trixie); needs root
  psql [ARGS]      a shell on the database
  clean            stop and remove everything that ./dev made

environment: AGENTD_PORT (8470), AGENTD_MIRROR (of packages), AGENTD_FRESH_LINES (of a log that are shown: 25),
  AGENTD_FUZZ_SECONDS and AGENTD_CHAOS_MINUTES (3) of the suite's slices
END
