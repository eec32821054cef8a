noinst_LIBRARIES += src/gateway/libgateway.a
src_gateway_libgateway_a_SOURCES = \
  src/gateway/gateway.c src/gateway/gateway.h \
  src/gateway/describe.c \
  src/gateway/route.c src/gateway/route.h \
  src/gateway/slots.c src/gateway/slots.h \
  src/gateway/spend.c src/gateway/spend.h \
  src/gateway/endpoint.c src/gateway/endpoint.h \
  src/gateway/attempt.c src/gateway/attempt.h \
  src/gateway/sse.c src/gateway/sse.h \
  src/gateway/wire.c src/gateway/wire.h \
  src/gateway/wire_openai.c \
  src/gateway/openai_answer.c src/gateway/openai_answer.h \
  src/gateway/openai_error.c src/gateway/openai_error.h \
  src/gateway/openai_usage.c src/gateway/openai_usage.h \
  src/gateway/wire_replay.c src/gateway/wire_replay.h \
  src/gateway/replay_extract.c src/gateway/replay_extract.h

EXTRA_DIST += policies/routing.yaml policies/replay/demo.json

noinst_PROGRAMS += t/bin/stub_provider
t_bin_stub_provider_SOURCES = t/bin/stub_provider.c t/bin/stub_provider.h t/bin/stub_faults.c t/bin/stub_refusals.c
t_bin_stub_provider_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)
t_bin_stub_provider_LDADD = $(base_LIBS)
