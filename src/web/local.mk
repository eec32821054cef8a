noinst_LIBRARIES += src/web/libweb.a
src_web_libweb_a_SOURCES = \
  src/web/api_approvals.c \
  src/web/api_artifacts.c \
  src/web/api_control.c \
  src/web/api_other.c \
  src/web/api_reconcile.c \
  src/web/api_sight.c \
  src/web/api_tasks.c \
  src/web/auth.c \
  src/web/auth.h \
  src/web/connection.c \
  src/web/connection.h \
  src/web/door.c \
  src/web/door.h \
  src/web/door_ask.c \
  src/web/door_ask.h \
  src/web/door_ask_messages.c \
  src/web/door_ask_room.h \
  src/web/door_body.c \
  src/web/door_body.h \
  src/web/door_call.c \
  src/web/door_call.h \
  src/web/door_chat.c \
  src/web/door_chat.h \
  src/web/door_chat_room.h \
  src/web/door_chat_stream.c \
  src/web/door_embed.c \
  src/web/door_error.c \
  src/web/door_error.h \
  src/web/door_models.c \
  src/web/door_vectors.c \
  src/web/door_vectors.h \
  src/web/door_workflow.c \
  src/web/door_write.c \
  src/web/door_write.h \
  src/web/download.c \
  src/web/download.h \
  src/web/events.c \
  src/web/events.h \
  src/web/figures.c \
  src/web/figures.h \
  src/web/head.c \
  src/web/head.h \
  src/web/hooks.c \
  src/web/hooks.h \
  src/web/intake.c \
  src/web/intake.h \
  src/web/link_form.c \
  src/web/link_page.c \
  src/web/links.c \
  src/web/links.h \
  src/web/listen.c \
  src/web/listen.h \
  src/web/multipart.c \
  src/web/multipart.h \
  src/web/openapi.c \
  src/web/page.c \
  src/web/process.c \
  src/web/process.h \
  src/web/range.c \
  src/web/range.h \
  src/web/reply.c \
  src/web/reply.h \
  src/web/request.c \
  src/web/request.h \
  src/web/route.c \
  src/web/route.h \
  src/web/server.h \
  src/web/session.c \
  src/web/session.h \
  src/web/site.c \
  src/web/site.h \
  src/web/topics.c \
  src/web/topics.h \
  src/web/wait.c \
  src/web/wait.h \
  src/web/web.c \
  src/web/web.h

# The document of the API, compiled in.
src/web/openapi.inc: $(srcdir)/src/web/openapi.json
	$(AM_V_GEN)$(MKDIR_P) src/web && od -An -v -tu1 $(srcdir)/src/web/openapi.json | sed 's/  */,/g; s/^,//; s/$$/,/' >$@.tmp && mv $@.tmp $@
src/web/openapi.$(OBJEXT): src/web/openapi.inc
BUILT_SOURCES += src/web/openapi.inc
CLEANFILES += src/web/openapi.inc
EXTRA_DIST += src/web/openapi.json

# The page, compiled in.
PAGE_FILES = \
  src/web/ui/api.mjs \
  src/web/ui/approval.mjs \
  src/web/ui/approvals.mjs \
  src/web/ui/diff.mjs \
  src/web/ui/dom.mjs \
  src/web/ui/form.mjs \
  src/web/ui/format.mjs \
  src/web/ui/graph.mjs \
  src/web/ui/icon.svg \
  src/web/ui/index.html \
  src/web/ui/json.mjs \
  src/web/ui/keys.mjs \
  src/web/ui/live.mjs \
  src/web/ui/main.mjs \
  src/web/ui/page.css \
  src/web/ui/signin.mjs \
  src/web/ui/task.mjs \
  src/web/ui/tasks.mjs \
  src/web/ui/waterfall.mjs \
  src/web/ui/workflow.mjs \
  src/web/ui/workflows.mjs
src/web/page.inc: $(PAGE_FILES) src/web/ui/pack
	$(AM_V_GEN)$(MKDIR_P) src/web && for f in $(PAGE_FILES); do echo "$(srcdir)/$$f"; done | xargs $(SHELL) $(srcdir)/src/web/ui/pack >$@.tmp && mv $@.tmp $@
src/web/page.$(OBJEXT): src/web/page.inc
BUILT_SOURCES += src/web/page.inc
CLEANFILES += src/web/page.inc
EXTRA_DIST += $(PAGE_FILES) src/web/ui/pack

web_LIBS = src/web/libweb.a src/publish/libpublish.a src/gateway/libgateway.a src/config/libconfig.a src/schema/libschema.a $(store_LIBS) $(YAML_LIBS) $(PCRE2_LIBS) $(MHD_LIBS)

check_PROGRAMS += t/unit/web/route
TESTS += t/unit/web/route
t_unit_web_route_SOURCES = t/unit/web/route.c
t_unit_web_route_LDADD = $(web_LIBS) $(CHECK_LIBS)
t_unit_web_route_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

# prints the table of routes
check_PROGRAMS += t/bin/routes
t_bin_routes_SOURCES = t/bin/routes.c
t_bin_routes_LDADD = $(web_LIBS)

check_PROGRAMS += t/unit/web/site
TESTS += t/unit/web/site
t_unit_web_site_SOURCES = t/unit/web/site.c
t_unit_web_site_LDADD = $(web_LIBS) $(CHECK_LIBS)
t_unit_web_site_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += t/unit/web/door
TESTS += t/unit/web/door
t_unit_web_door_SOURCES = t/unit/web/door.c
t_unit_web_door_LDADD = $(web_LIBS) $(CHECK_LIBS)
t_unit_web_door_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += t/unit/web/vectors
TESTS += t/unit/web/vectors
t_unit_web_vectors_SOURCES = t/unit/web/vectors.c
t_unit_web_vectors_LDADD = $(web_LIBS) $(CHECK_LIBS)
t_unit_web_vectors_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += t/unit/web/wait
TESTS += t/unit/web/wait
t_unit_web_wait_SOURCES = t/unit/web/wait.c
t_unit_web_wait_LDADD = $(web_LIBS) $(CHECK_LIBS)
t_unit_web_wait_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += t/unit/web/topics
TESTS += t/unit/web/topics
t_unit_web_topics_SOURCES = t/unit/web/topics.c
t_unit_web_topics_LDADD = $(web_LIBS) $(CHECK_LIBS)
t_unit_web_topics_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += t/unit/web/server
TESTS += t/unit/web/server
t_unit_web_server_SOURCES = t/unit/web/server.c
t_unit_web_server_LDADD = $(web_LIBS) $(CHECK_LIBS)
t_unit_web_server_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += t/unit/web/range
TESTS += t/unit/web/range
t_unit_web_range_SOURCES = t/unit/web/range.c
t_unit_web_range_LDADD = $(web_LIBS) $(CHECK_LIBS)
t_unit_web_range_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += t/unit/web/multipart
TESTS += t/unit/web/multipart
t_unit_web_multipart_SOURCES = t/unit/web/multipart.c
t_unit_web_multipart_LDADD = $(web_LIBS) $(CHECK_LIBS)
t_unit_web_multipart_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
