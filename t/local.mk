# Programs and scripts that drive agentd as a whole; unit tests stand in src/ROOM/local.mk.
check_PROGRAMS += t/bin/effect_sink
t_bin_effect_sink_SOURCES = t/bin/effect_sink.c
noinst_PROGRAMS += t/bench/http_load
t_bench_http_load_SOURCES = t/bench/http_load.c t/bench/load.c t/bench/load.h
noinst_PROGRAMS += t/bench/event_load
t_bench_event_load_SOURCES = t/bench/event_load.c t/bench/load.c t/bench/load.h
noinst_PROGRAMS += t/chaos/proxy
t_chaos_proxy_SOURCES = t/chaos/proxy.c t/chaos/pgwire.c t/chaos/pgwire.h
noinst_PROGRAMS += t/bench/bare_loop
t_bench_bare_loop_SOURCES = t/bench/bare_loop.c
t_bench_bare_loop_LDADD = $(PQ_LIBS)
noinst_PROGRAMS += t/bench/bare_ask
t_bench_bare_ask_SOURCES = t/bench/bare_ask.c t/bench/load.c t/bench/load.h
t_bench_bare_ask_LDADD = $(CURL_LIBS)
noinst_PROGRAMS += t/bench/gateway_load
t_bench_gateway_load_SOURCES = t/bench/gateway_load.c t/bench/load.c t/bench/load.h
t_bench_gateway_load_LDADD = $(gateway_LIBS)

program_tests = \
  t/0800-torture.t \
  t/0810-stop.t \
  t/0820-agentctl-errors.t \
  t/0830-zombie.t \
  t/0840-http-access.t \
  t/0842-http-matrix.t \
  t/0850-policy.t \
  t/0855-metrics.t \
  t/0860-openapi.t \
  t/1000-agentctl.t \
  t/1010-http.t \
  t/1020-workflow.t \
  t/1030-drain.t \
  t/1040-timers.t \
  t/1050-budget.t t/1051-caps.t t/1052-spend.t \
  t/1055-agent.t \
  t/1055-events.t \
  t/1056-modes.t \
  t/1056-breakers.t \
  t/1057-artifacts.t \
  t/1060-cancel.t \
  t/1065-cancel-tools.t \
  t/1065-reconcile.t \
  t/1066-approvals.t \
  t/1067-approval-binding.t \
  t/1068-hooks.t \
  t/1067-webhooks.t \
  t/1068-links.t \
  t/1070-lanes.t \
  t/1072-control.t \
  t/1075-admission.t \
  t/1076-quarantine.t \
  t/1077-durable.t \
  t/1078-semantics.t \
  t/1079-leaves.t \
  t/1080-rolling-restart.t \
  t/1085-sight.t \
  t/1086-top.t \
  t/1087-completion.t \
  t/1088-heavy.t \
  t/1089-trace.t \
  t/1090-hosts.t \
  t/1110-session.t \
  t/1120-page.t \
  t/1130-torture.t \
  t/1140-door.t \
  t/1141-door-python.t \
  t/1142-door-node.t
TESTS += $(program_tests)
EXTRA_DIST += t/unit/suite_run.h t/unit/test_arena.h
EXTRA_DIST += $(program_tests) \
  t/bench/claim_done.sql \
  t/bench/jobs.sql \
  t/bench/peers/agentd.mjs \
  t/chaos \
  t/lib/api.sh \
  t/lib/artifacts.py \
  t/lib/browser.sh \
  t/lib/client.py \
  t/lib/daemon.sh \
  t/lib/door.sh t/lib/door_openai.mjs t/lib/door_openai.py \
  t/lib/events.py \
  t/lib/hooks.py \
  t/lib/http_checks.py \
  t/lib/http_corpus.py \
  t/lib/http_matrix.py \
  t/lib/idle.py \
  t/lib/netns.sh \
  t/lib/otlp.py \
  t/lib/page.mjs \
  t/lib/page_fixture.sh \
  t/lib/pg.sh \
  t/lib/receiver.py \
  t/lib/top.py \
  t/lib/torture.py \
  t/lib/type.py

if FUZZERS
noinst_PROGRAMS += t/fuzz/json
t_fuzz_json_SOURCES = t/fuzz/json.c
t_fuzz_json_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_json_LDADD = $(base_LIBS)
endif

# preloaded into tests: makes the N-th library call fail
check_PROGRAMS += t/bin/torture.so
t_bin_torture_so_SOURCES = t/bin/torture.c
t_bin_torture_so_CFLAGS = -std=gnu17 $(WARN_CFLAGS) -Wno-missing-prototypes -O1 -g -fPIC -fno-builtin
t_bin_torture_so_LDFLAGS = -shared
