noinst_LIBRARIES += src/ctl/libctl.a
src_ctl_libctl_a_SOURCES = \
  src/ctl/cmd_admin.c \
  src/ctl/cmd_approvals.c \
  src/ctl/cmd_artifacts.c \
  src/ctl/cmd_completion.c \
  src/ctl/cmd_cost.c src/ctl/cmd_spend.c \
  src/ctl/cmd_doctor.c \
  src/ctl/cmd_explain.c \
  src/ctl/cmd_files.c \
  src/ctl/cmd_fork.c \
  src/ctl/cmd_hooks.c \
  src/ctl/cmd_policy.c \
  src/ctl/cmd_probe.c \
  src/ctl/cmd_reconcile.c \
  src/ctl/cmd_redrive.c \
  src/ctl/cmd_shadow.c \
  src/ctl/cmd_route.c \
  src/ctl/cmd_submit.c \
  src/ctl/cmd_tail.c \
  src/ctl/cmd_task.c \
  src/ctl/cmd_token.c \
  src/ctl/cmd_top.c \
  src/ctl/cmd_trace.c \
  src/ctl/cmd_why.c \
  src/ctl/cmd_webhooks.c \
  src/ctl/commands.h \
  src/ctl/complete.c \
  src/ctl/complete.h \
  src/ctl/ctl.c \
  src/ctl/ctl.h \
  src/ctl/page.c \
  src/ctl/print.c \
  src/ctl/tail.c \
  src/ctl/tail.h \
  src/ctl/top.c \
  src/ctl/top.h

check_PROGRAMS += t/unit/ctl/print
TESTS += t/unit/ctl/print
t_unit_ctl_print_SOURCES = t/unit/ctl/print.c
t_unit_ctl_print_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_ctl_print_LDADD = src/ctl/libctl.a src/publish/libpublish.a $(engine_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/ctl/complete
TESTS += t/unit/ctl/complete
t_unit_ctl_complete_SOURCES = t/unit/ctl/complete.c
t_unit_ctl_complete_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_ctl_complete_LDADD = src/ctl/libctl.a src/publish/libpublish.a $(engine_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/ctl/top
TESTS += t/unit/ctl/top
t_unit_ctl_top_SOURCES = t/unit/ctl/top.c
t_unit_ctl_top_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_ctl_top_LDADD = src/ctl/libctl.a src/publish/libpublish.a $(engine_LIBS) $(CHECK_LIBS)
