noinst_LIBRARIES += src/gateway/libgateway.a
src_gateway_libgateway_a_SOURCES = \
  src/gateway/gateway.c src/gateway/gateway.h src/gateway/gateway_room.h \
  src/gateway/walk.c src/gateway/walk.h \
  src/gateway/walk_step.c src/gateway/walk_wait.c src/gateway/walk_money.c \
  src/gateway/walk_ask.c src/gateway/walk_record.c src/gateway/walk_embed.c \
  src/gateway/request.c src/gateway/request.h \
  src/gateway/record.c src/gateway/record.h \
  src/gateway/describe.c \
  src/gateway/explain.c \
  src/gateway/caps.c src/gateway/caps.h \
  src/gateway/route.c src/gateway/route.h \
  src/gateway/facts.c src/gateway/facts.h \
  src/gateway/breaker.c src/gateway/breaker.h \
  src/gateway/health.c src/gateway/health.h \
  src/gateway/health_rows.c src/gateway/health_rows.h \
  src/gateway/health_out.c src/gateway/health_out.h \
  src/gateway/slots.c src/gateway/slots.h \
  src/gateway/spend.c src/gateway/spend.h \
  src/gateway/endpoint.c src/gateway/endpoint.h \
  src/gateway/probe.c src/gateway/probe.h \
  src/gateway/probes.c src/gateway/probes.h \
  src/gateway/probe_watch.c src/gateway/probe_watch.h \
  src/gateway/shadow.c src/gateway/shadow.h \
  src/gateway/tell.c src/gateway/tell.h \
  src/gateway/attempt.c src/gateway/attempt.h \
  src/gateway/sse.c src/gateway/sse.h \
  src/gateway/body.c src/gateway/body.h \
  src/gateway/calls.c src/gateway/calls.h \
  src/gateway/counts.c src/gateway/counts.h \
  src/gateway/echo.c src/gateway/echo.h \
  src/gateway/question.c src/gateway/question.h \
  src/gateway/wire.c src/gateway/wire.h \
  src/gateway/wire_openai.c \
  src/gateway/embedding.c src/gateway/embedding.h \
  src/gateway/openai_embed.c src/gateway/openai_embed.h \
  src/gateway/wire_gemini.c \
  src/gateway/gemini_embed.c src/gateway/gemini_embed.h \
  src/gateway/gemini_question.c src/gateway/gemini_question.h \
  src/gateway/gemini_echo.c src/gateway/gemini_echo.h \
  src/gateway/gemini_answer.c src/gateway/gemini_answer.h \
  src/gateway/gemini_usage.c src/gateway/gemini_usage.h \
  src/gateway/openai_question.c src/gateway/openai_question.h \
  src/gateway/openai_echo.c src/gateway/openai_echo.h \
  src/gateway/openai_answer.c src/gateway/openai_answer.h \
  src/gateway/refusal.c src/gateway/refusal.h \
  src/gateway/retry_hint.c src/gateway/retry_hint.h \
  src/gateway/openai_usage.c src/gateway/openai_usage.h \
  src/gateway/wire_anthropic.c \
  src/gateway/anthropic_question.c src/gateway/anthropic_question.h \
  src/gateway/anthropic_schema.c src/gateway/anthropic_schema.h \
  src/gateway/anthropic_echo.c src/gateway/anthropic_echo.h \
  src/gateway/anthropic_answer.c src/gateway/anthropic_answer.h \
  src/gateway/anthropic_error.c src/gateway/anthropic_error.h \
  src/gateway/anthropic_usage.c src/gateway/anthropic_usage.h \
  src/gateway/wire_replay.c src/gateway/wire_replay.h \
  src/gateway/replay_file.c src/gateway/replay_file.h \
  src/gateway/replay_extract.c src/gateway/replay_extract.h

EXTRA_DIST += policies/routing.yaml policies/replay/demo.json \
  t/fuzz/seeds/sse/events t/fuzz/seeds/wire_openai/stream t/fuzz/seeds/wire_openai/document \
  t/fuzz/seeds/wire_openai/refusal t/fuzz/seeds/wire_openai/quota t/fuzz/seeds/wire_openai/nested \
  t/fuzz/seeds/wire_openai/late-error t/fuzz/seeds/wire_openai/calls t/fuzz/seeds/wire_openai/calls-unmarked \
  t/fuzz/seeds/wire_gemini t/fuzz/seeds/wire_anthropic

noinst_PROGRAMS += t/bin/stub_provider
t_bin_stub_provider_SOURCES = t/bin/stub_provider.c t/bin/stub_provider.h \
  t/bin/stub_stream.c t/bin/stub_stream.h t/bin/stub_faults.c \
  t/bin/stub_openai.c t/bin/stub_openai.h t/bin/stub_openai_faults.c t/bin/stub_openai_refusals.c \
  t/bin/stub_openai_script.c t/bin/stub_openai_strict.c t/bin/stub_openai_embed.c t/bin/stub_script.c t/bin/stub_script.h \
  t/bin/stub_number.c \
  t/bin/stub_gemini.c t/bin/stub_gemini.h t/bin/stub_gemini_faults.c t/bin/stub_gemini_refusals.c t/bin/stub_gemini_strict.c \
  t/bin/stub_gemini_signed.c t/bin/stub_gemini_script.c t/bin/stub_gemini_embed.c \
  t/bin/stub_anthropic.c t/bin/stub_anthropic.h t/bin/stub_anthropic_faults.c t/bin/stub_anthropic_refusals.c \
  t/bin/stub_anthropic_script.c t/bin/stub_anthropic_strict.c t/bin/stub_strict.c t/bin/stub_strict.h
t_bin_stub_provider_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)
t_bin_stub_provider_LDADD = $(base_LIBS)

# The tests play the store themselves, so they link without it.
gateway_TEST_LIBS = src/gateway/libgateway.a src/config/libconfig.a src/schema/libschema.a $(base_LIBS) $(YAML_LIBS) \
  $(PCRE2_LIBS) $(CHECK_LIBS)
gateway_TESTS = t/unit/gateway/sse t/unit/gateway/spend t/unit/gateway/route t/unit/gateway/breaker t/unit/gateway/health \
  t/unit/gateway/openai t/unit/gateway/gemini t/unit/gateway/anthropic t/unit/gateway/replay t/unit/gateway/tools \
  t/unit/gateway/modes t/unit/gateway/gateway t/unit/gateway/caps t/unit/gateway/faults t/unit/gateway/embed t/unit/gateway/gemini_talk \
  t/unit/gateway/anthropic_talk
check_PROGRAMS += $(gateway_TESTS)
dist_check_SCRIPTS += t/0310-google-client.t t/0312-anthropic-client.t
EXTRA_DIST += t/lib/google_client.py t/lib/anthropic_client.py
TESTS += $(gateway_TESTS) t/0310-google-client.t t/0312-anthropic-client.t
gateway_DECODER = t/unit/gateway/decoder.c t/unit/gateway/decoder.h
t_unit_gateway_sse_SOURCES = t/unit/gateway/sse.c
t_unit_gateway_sse_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_sse_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_spend_SOURCES = t/unit/gateway/spend.c
t_unit_gateway_spend_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_spend_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_route_SOURCES = t/unit/gateway/route.c
t_unit_gateway_route_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_route_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_breaker_SOURCES = t/unit/gateway/breaker.c
t_unit_gateway_breaker_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_breaker_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_openai_SOURCES = t/unit/gateway/openai.c $(gateway_DECODER)
t_unit_gateway_openai_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_openai_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_gemini_SOURCES = t/unit/gateway/gemini.c $(gateway_DECODER)
t_unit_gateway_gemini_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_gemini_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_anthropic_SOURCES = t/unit/gateway/anthropic.c $(gateway_DECODER)
t_unit_gateway_anthropic_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_anthropic_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_replay_SOURCES = t/unit/gateway/replay.c
t_unit_gateway_replay_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_replay_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_tools_SOURCES = t/unit/gateway/tools.c
t_unit_gateway_tools_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_tools_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_modes_SOURCES = t/unit/gateway/modes.c
t_unit_gateway_modes_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_modes_LDADD = $(gateway_TEST_LIBS)
# Whole calls against the stub provider.
gateway_STAND = t/unit/gateway/stand.c t/unit/gateway/stand.h t/unit/gateway/board.c t/unit/gateway/board.h
t_unit_gateway_gateway_SOURCES = t/unit/gateway/gateway.c $(gateway_STAND) t/bin/stub_openai_strict.c t/bin/stub_openai.h \
  t/bin/stub_strict.c t/bin/stub_strict.h
t_unit_gateway_gateway_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)
t_unit_gateway_gateway_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_gateway_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_health_SOURCES = t/unit/gateway/health.c $(gateway_STAND)
t_unit_gateway_health_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_health_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_caps_SOURCES = t/unit/gateway/caps.c $(gateway_STAND)
t_unit_gateway_caps_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_caps_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_faults_SOURCES = t/unit/gateway/faults.c $(gateway_STAND)
t_unit_gateway_faults_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_faults_LDADD = $(gateway_TEST_LIBS)
gateway_TALK = t/unit/gateway/talk.c t/unit/gateway/talk.h $(gateway_STAND)
t_unit_gateway_anthropic_talk_SOURCES = t/unit/gateway/anthropic_talk.c $(gateway_TALK) t/bin/stub_anthropic_strict.c t/bin/stub_strict.c \
  t/bin/stub_strict.h
t_unit_gateway_anthropic_talk_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)
t_unit_gateway_anthropic_talk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_anthropic_talk_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_gemini_talk_SOURCES = t/unit/gateway/gemini_talk.c $(gateway_TALK)
t_unit_gateway_gemini_talk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_gemini_talk_LDADD = $(gateway_TEST_LIBS)
t_unit_gateway_embed_SOURCES = t/unit/gateway/embed.c $(gateway_STAND) t/bin/stub_number.c t/bin/stub_provider.h
t_unit_gateway_embed_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)
t_unit_gateway_embed_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_gateway_embed_LDADD = $(gateway_TEST_LIBS)

if FUZZERS
noinst_PROGRAMS += t/fuzz/sse t/fuzz/wire_openai t/fuzz/wire_gemini
t_fuzz_sse_SOURCES = t/fuzz/sse.c
t_fuzz_sse_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_sse_LDADD = $(gateway_LIBS)
noinst_PROGRAMS += t/fuzz/wire_anthropic
t_fuzz_wire_anthropic_SOURCES = t/fuzz/wire_anthropic.c t/fuzz/wire.h
t_fuzz_wire_anthropic_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_wire_anthropic_LDADD = $(gateway_LIBS)
t_fuzz_wire_openai_SOURCES = t/fuzz/wire_openai.c t/fuzz/wire.h
t_fuzz_wire_openai_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_wire_openai_LDADD = $(gateway_LIBS)
t_fuzz_wire_gemini_SOURCES = t/fuzz/wire_gemini.c t/fuzz/wire.h
t_fuzz_wire_gemini_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
t_fuzz_wire_gemini_LDADD = $(gateway_LIBS)
endif
