noinst_LIBRARIES += src/sweeper/libsweeper.a
src_sweeper_libsweeper_a_SOURCES = \
  src/sweeper/duty_deadlines.c \
  src/sweeper/duty_due_timers.c \
  src/sweeper/duty_expired_holds.c \
  src/sweeper/duty_expired_workers.c \
  src/sweeper/duty_partitions.c \
  src/sweeper/duty_retention.c \
  src/sweeper/duty_workspaces.c \
  src/sweeper/sweep.c \
  src/sweeper/sweep.h
