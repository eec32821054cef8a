noinst_LIBRARIES += src/publish/libpublish.a
src_publish_libpublish_a_SOURCES = \
  src/publish/input.c \
  src/publish/input.h \
  src/publish/publish.c \
  src/publish/publish.h
