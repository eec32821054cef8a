noinst_LIBRARIES += src/engine/libengine.a
src_engine_libengine_a_SOURCES = \
  src/engine/act.c src/engine/act.h \
  src/engine/answer.c src/engine/answer.h \
  src/engine/batch.c src/engine/batch.h \
  src/engine/budget.c src/engine/budget.h \
  src/engine/bundle_cache.c src/engine/bundle_cache.h \
  src/engine/effect.c src/engine/effect.h \
  src/engine/engine.c src/engine/engine.h src/engine/engine_room.h \
  src/engine/flight.c src/engine/flight.h \
  src/engine/journal.c src/engine/journal.h \
  src/engine/path.c src/engine/path.h \
  src/engine/plan.c src/engine/plan.h \
  src/engine/program.c src/engine/program.h \
  src/engine/retry.c src/engine/retry.h \
  src/engine/root.c src/engine/root.h \
  src/engine/run.c src/engine/run.h \
  src/engine/schema_check.c src/engine/schema_check.h \
  src/engine/scope.c src/engine/scope.h \
  src/engine/state.c src/engine/state.h \
  src/engine/steps.h \
  src/engine/step_call.c src/engine/step_for.c src/engine/step_model.c src/engine/step_raise.c \
  src/engine/step_set.c src/engine/step_switch.c src/engine/step_wait.c \
  src/engine/vars.c src/engine/vars.h
