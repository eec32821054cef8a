noinst_LIBRARIES += src/tools/libtools.a
src_tools_libtools_a_SOURCES = \
  src/tools/tools.h src/tools/call.h src/tools/registry.c \
  src/tools/artifact.h \
  src/tools/fs.h src/tools/fs_list.c src/tools/fs_read.c src/tools/fs_walk.c src/tools/fs_write.c \
  src/tools/glob.c src/tools/glob.h \
  src/tools/http_answer.c src/tools/http_answer.h \
  src/tools/output.c src/tools/output.h \
  src/tools/run_artifact.c src/tools/run_exec.c src/tools/run_fs.c src/tools/run_http.c \
  src/tools/secret.c src/tools/secret.h

check_PROGRAMS += t/unit/tools/shape
TESTS += t/unit/tools/shape
t_unit_tools_shape_SOURCES = t/unit/tools/shape.c
t_unit_tools_shape_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_tools_shape_LDADD = $(tools_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/tools/artifact
TESTS += t/unit/tools/artifact
t_unit_tools_artifact_SOURCES = t/unit/tools/artifact.c t/unit/tools/caller.c t/unit/tools/caller.h
t_unit_tools_artifact_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_tools_artifact_LDADD = $(tools_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/tools/fs
TESTS += t/unit/tools/fs
t_unit_tools_fs_SOURCES = t/unit/tools/fs.c t/unit/tools/caller.c t/unit/tools/caller.h
t_unit_tools_fs_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_tools_fs_LDADD = $(tools_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/tools/http
TESTS += t/unit/tools/http
t_unit_tools_http_SOURCES = t/unit/tools/http.c t/unit/tools/caller.c t/unit/tools/caller.h
t_unit_tools_http_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_tools_http_LDADD = $(tools_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/tools/exec
TESTS += t/unit/tools/exec
t_unit_tools_exec_SOURCES = t/unit/tools/exec.c t/unit/tools/caller.c t/unit/tools/caller.h
t_unit_tools_exec_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_tools_exec_LDADD = $(tools_LIBS) $(CHECK_LIBS)

check_PROGRAMS += t/unit/tools/shipped
TESTS += t/unit/tools/shipped
t_unit_tools_shipped_SOURCES = t/unit/tools/shipped.c t/unit/tools/caller.c t/unit/tools/caller.h
t_unit_tools_shipped_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_tools_shipped_LDADD = $(tools_LIBS) $(CHECK_LIBS)

# Tools that come with the program: to be copied to a configuration's tools.d/.
toolsddir = $(pkgdatadir)/tools.d
dist_toolsd_DATA = tools.d/artifact.fetch.yaml tools.d/artifact.list.yaml tools.d/artifact.read.yaml tools.d/artifact.write.yaml \
  tools.d/fs.list.yaml tools.d/fs.read.yaml tools.d/fs.write.yaml \
  tools.d/text.wordcount.yaml tools.d/web.fetch.yaml
