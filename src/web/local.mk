noinst_LIBRARIES += src/web/libweb.a
src_web_libweb_a_SOURCES = \
  src/web/api_other.c \
  src/web/api_tasks.c \
  src/web/auth.c \
  src/web/auth.h \
  src/web/head.c \
  src/web/head.h \
  src/web/reply.c \
  src/web/reply.h \
  src/web/request.c \
  src/web/request.h \
  src/web/route.c \
  src/web/route.h \
  src/web/server.h \
  src/web/wait.c \
  src/web/wait.h \
  src/web/web.c \
  src/web/web.h
