noinst_LIBRARIES += src/ctl/libctl.a
src_ctl_libctl_a_SOURCES = \
  src/ctl/cmd_admin.c \
  src/ctl/cmd_files.c \
  src/ctl/cmd_submit.c \
  src/ctl/cmd_task.c \
  src/ctl/cmd_token.c \
  src/ctl/commands.h \
  src/ctl/ctl.c \
  src/ctl/ctl.h \
  src/ctl/print.c
