noinst_LIBRARIES += src/engine/libengine.a
src_engine_libengine_a_SOURCES = \
  src/engine/act.c src/engine/act.h \
  src/engine/agent.c src/engine/agent.h \
  src/engine/answer.c src/engine/answer.h \
  src/engine/approval.c src/engine/approval.h \
  src/engine/batch.c src/engine/batch.h \
  src/engine/budget.c src/engine/budget.h \
  src/engine/bundle_cache.c src/engine/bundle_cache.h \
  src/engine/call_word.c src/engine/call.h \
  src/engine/effect.c src/engine/effect.h \
  src/engine/engine.c src/engine/engine.h src/engine/engine_room.h \
  src/engine/flight.c src/engine/flight.h \
  src/engine/intent.c src/engine/intent.h \
  src/engine/journal.c src/engine/journal.h \
  src/engine/model_spend.c src/engine/model.h \
  src/engine/path.c src/engine/path.h \
  src/engine/plan.c src/engine/plan.h \
  src/engine/program.c src/engine/program.h \
  src/engine/retry.c src/engine/retry.h \
  src/engine/root.c src/engine/root.h \
  src/engine/run.c src/engine/run.h \
  src/engine/scope.c src/engine/scope.h \
  src/engine/state.c src/engine/state.h src/engine/state_room.h \
  src/engine/state_place.c \
  src/engine/state_request.c \
  src/engine/state_turn.c \
  src/engine/steps.h \
  src/engine/step_agent.c src/engine/step_approve.c src/engine/step_call.c src/engine/step_for.c \
  src/engine/step_model.c src/engine/step_raise.c \
  src/engine/step_set.c src/engine/step_switch.c src/engine/step_wait.c \
  src/engine/vars.c src/engine/vars.h

# Pure parts, and whole runs against a world in memory: neither store nor gateway nor tools are linked, but for the copy of a record.
engine_test_LIBS = src/engine/libengine.a src/gateway/record.$(OBJEXT) $(config_LIBS) $(CHECK_LIBS)
engine_fixture = t/unit/engine/fixture.c t/unit/engine/fixture.h

check_PROGRAMS += t/unit/engine/path t/unit/engine/retry t/unit/engine/effect t/unit/engine/answer \
  t/unit/engine/agent t/unit/engine/state t/unit/engine/plan t/unit/engine/many t/scenario/scenario
TESTS += t/unit/engine/path t/unit/engine/retry t/unit/engine/effect t/unit/engine/answer \
  t/unit/engine/agent t/unit/engine/state t/unit/engine/plan t/unit/engine/many t/scenario/scenario

t_unit_engine_path_SOURCES = t/unit/engine/path.c
t_unit_engine_path_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_engine_path_LDADD = $(engine_test_LIBS)

t_unit_engine_retry_SOURCES = t/unit/engine/retry.c
t_unit_engine_retry_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_engine_retry_LDADD = $(engine_test_LIBS)

t_unit_engine_effect_SOURCES = t/unit/engine/effect.c
t_unit_engine_effect_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_engine_effect_LDADD = $(engine_test_LIBS)

t_unit_engine_answer_SOURCES = t/unit/engine/answer.c
t_unit_engine_answer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_engine_answer_LDADD = $(engine_test_LIBS)

t_unit_engine_agent_SOURCES = t/unit/engine/agent.c $(engine_fixture)
t_unit_engine_agent_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_engine_agent_LDADD = $(engine_test_LIBS)

t_unit_engine_state_SOURCES = t/unit/engine/state.c $(engine_fixture)
t_unit_engine_state_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_engine_state_LDADD = $(engine_test_LIBS)

t_unit_engine_plan_SOURCES = t/unit/engine/plan.c $(engine_fixture)
t_unit_engine_plan_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_engine_plan_LDADD = $(engine_test_LIBS)

t_unit_engine_many_SOURCES = t/unit/engine/many.c
t_unit_engine_many_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_engine_many_LDADD = $(engine_test_LIBS)

t_scenario_scenario_SOURCES = t/scenario/main.c t/scenario/outside.c t/scenario/script.c \
  t/scenario/world.c t/scenario/world.h
t_scenario_scenario_LDADD = src/engine/libengine.a src/gateway/record.$(OBJEXT) $(config_LIBS)
EXTRA_DIST += t/scenario/README
# by pattern, so that none is left out
dist-hook:
	cp $(srcdir)/t/scenario/*.scn $(distdir)/t/scenario
