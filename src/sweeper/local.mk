noinst_LIBRARIES += src/sweeper/libsweeper.a
src_sweeper_libsweeper_a_SOURCES = \
  src/sweeper/duty_admission.c \
  src/sweeper/duty_retention.c \
  src/sweeper/duty_workspaces.c \
  src/sweeper/sweep.c \
  src/sweeper/sweep.h

check_PROGRAMS += t/unit/sweeper/workspaces
TESTS += t/unit/sweeper/workspaces
t_unit_sweeper_workspaces_SOURCES = t/unit/sweeper/workspaces.c
t_unit_sweeper_workspaces_LDADD = src/sweeper/libsweeper.a $(base_LIBS) $(CHECK_LIBS)
t_unit_sweeper_workspaces_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
