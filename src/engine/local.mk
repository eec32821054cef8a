noinst_LIBRARIES += src/engine/libengine.a
src_engine_libengine_a_SOURCES = \
  src/engine/act.c src/engine/act.h \
  src/engine/answer.c src/engine/answer.h \
  src/engine/batch.c src/engine/batch.h \
  src/engine/budget.c src/engine/budget.h \
  src/engine/bundle_cache.c src/engine/bundle_cache.h \
  src/engine/call_word.c src/engine/call.h \
  src/engine/effect.c src/engine/effect.h \
  src/engine/engine.c src/engine/engine.h src/engine/engine_room.h \
  src/engine/flight.c src/engine/flight.h \
  src/engine/intent.c src/engine/intent.h \
  src/engine/journal.c src/engine/journal.h \
  src/engine/path.c src/engine/path.h \
  src/engine/plan.c src/engine/plan.h \
  src/engine/program.c src/engine/program.h \
  src/engine/retry.c src/engine/retry.h \
  src/engine/root.c src/engine/root.h \
  src/engine/run.c src/engine/run.h \
  src/engine/value_check.c src/engine/value_check.h \
  src/engine/scope.c src/engine/scope.h \
  src/engine/state.c src/engine/state.h \
  src/engine/steps.h \
  src/engine/step_call.c src/engine/step_for.c src/engine/step_model.c src/engine/step_raise.c \
  src/engine/step_set.c src/engine/step_switch.c src/engine/step_wait.c \
  src/engine/vars.c src/engine/vars.h

# Pure parts, and whole runs against a world in memory: neither store nor gateway nor tools are linked.
engine_test_LIBS = src/engine/libengine.a $(config_LIBS) $(CHECK_LIBS)
engine_fixture = t/unit/engine/fixture.c t/unit/engine/fixture.h

check_PROGRAMS += t/unit/engine/path t/unit/engine/retry t/unit/engine/effect t/unit/engine/answer \
  t/unit/engine/state t/unit/engine/plan t/unit/engine/many t/scenario/scenario
TESTS += t/unit/engine/path t/unit/engine/retry t/unit/engine/effect t/unit/engine/answer \
  t/unit/engine/state t/unit/engine/plan t/unit/engine/many t/scenario/scenario

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
t_scenario_scenario_LDADD = src/engine/libengine.a $(config_LIBS)
EXTRA_DIST += t/scenario/README \
  t/scenario/ask-cancelled.scn \
  t/scenario/ask-drain.scn \
  t/scenario/ask-dropped.scn \
  t/scenario/ask-gone.scn \
  t/scenario/ask-happened.scn \
  t/scenario/ask-never-knows.scn \
  t/scenario/ask-person-first.scn \
  t/scenario/ask-released.scn \
  t/scenario/ask-unknown-then-did-not.scn \
  t/scenario/budget-calls.scn \
  t/scenario/budget-loop-turns.scn \
  t/scenario/budget-turns.scn \
  t/scenario/call-gone-again.scn \
  t/scenario/call-gone-in-flight.scn \
  t/scenario/call-not-begun.scn \
  t/scenario/call-not-retryable.scn \
  t/scenario/call-refused.scn \
  t/scenario/call-retry.scn \
  t/scenario/call-timeout.scn \
  t/scenario/call-too-big.scn \
  t/scenario/call-uncertain.scn \
  t/scenario/call-unknown-tool.scn \
  t/scenario/call-wall-retry.scn \
  t/scenario/call-wall.scn \
  t/scenario/call-with-error.scn \
  t/scenario/call-with-no-object.scn \
  t/scenario/call-with-too-big.scn \
  t/scenario/call.scn \
  t/scenario/cancel-at-commit.scn \
  t/scenario/cancel-before-dispatch.scn \
  t/scenario/cancel-in-flight.scn \
  t/scenario/cancel-model.scn \
  t/scenario/cancel-while-retrying.scn \
  t/scenario/class-tx.scn \
  t/scenario/deadline-in-flight.scn \
  t/scenario/deadline-uncertain.scn \
  t/scenario/deadline.scn \
  t/scenario/default-output.scn \
  t/scenario/drain-before-dispatch.scn \
  t/scenario/drain-burns-no-retry.scn \
  t/scenario/drain.scn \
  t/scenario/expression-error.scn \
  t/scenario/fail-before-dispatch.scn \
  t/scenario/fail-while-in-flight.scn \
  t/scenario/for-collect-skip.scn \
  t/scenario/for-empty.scn \
  t/scenario/for-fail-cancels.scn \
  t/scenario/for-fail-uncertain.scn \
  t/scenario/for-nested.scn \
  t/scenario/for-not-array.scn \
  t/scenario/for-output-error.scn \
  t/scenario/for-output.scn \
  t/scenario/for-parallel-retry.scn \
  t/scenario/for-parallel.scn \
  t/scenario/for-retry.scn \
  t/scenario/for-sequential.scn \
  t/scenario/for-then-end.scn \
  t/scenario/for-timeout.scn \
  t/scenario/for-uncertain-others-go-on.scn \
  t/scenario/input-fits.scn \
  t/scenario/input-schema.scn \
  t/scenario/lease-lost.scn \
  t/scenario/ledger-done-cancelled.scn \
  t/scenario/ledger-done-repeatable.scn \
  t/scenario/ledger-done-without-result.scn \
  t/scenario/ledger-done.scn \
  t/scenario/ledger-dropped.scn \
  t/scenario/ledger-empty.scn \
  t/scenario/ledger-failed-before.scn \
  t/scenario/ledger-released.scn \
  t/scenario/ledger-uncertain-cancelled.scn \
  t/scenario/ledger-uncertain.scn \
  t/scenario/ledger-unreadable-asked.scn \
  t/scenario/ledger-unreadable.scn \
  t/scenario/max-visits-uncaught.scn \
  t/scenario/max-visits.scn \
  t/scenario/model-prompt-error.scn \
  t/scenario/model-retry.scn \
  t/scenario/model-schema-fails.scn \
  t/scenario/model-schema.scn \
  t/scenario/model-text.scn \
  t/scenario/output-error.scn \
  t/scenario/raise-and-catch.scn \
  t/scenario/raise-not-listed.scn \
  t/scenario/raise-retry.scn \
  t/scenario/reconcile-after-deadline.scn \
  t/scenario/reconcile-cancelled-did-not-happen.scn \
  t/scenario/reconcile-cancelled-give-up.scn \
  t/scenario/reconcile-cancelled-happened.scn \
  t/scenario/reconcile-did-not-happen.scn \
  t/scenario/reconcile-give-up.scn \
  t/scenario/reconcile-happened.scn \
  t/scenario/reconcile-several.scn \
  t/scenario/reconcile-uncertain-again.scn \
  t/scenario/reconcile-unreadable-result.scn \
  t/scenario/reconcile-while-running.scn \
  t/scenario/refused-twice.scn \
  t/scenario/refused.scn \
  t/scenario/release-before-dispatch-repeatable.scn \
  t/scenario/release-before-dispatch.scn \
  t/scenario/release-in-flight-refused.scn \
  t/scenario/release-in-flight-repeatable.scn \
  t/scenario/release-in-flight-unknown.scn \
  t/scenario/release-in-flight.scn \
  t/scenario/retry-parks.scn \
  t/scenario/root-whole.scn \
  t/scenario/set-and-output.scn \
  t/scenario/then-and-visits.scn \
  t/scenario/uncertain-timeout.scn \
  t/scenario/wait-bad-time.scn \
  t/scenario/wait-wall.scn \
  t/scenario/wait.scn \
  t/scenario/when.scn \
  t/scenario/word-dropped.scn \
  t/scenario/word-released.scn
