noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
  src/base/arena.c src/base/arena.h \
  src/base/err.c src/base/err.h src/base/err.def
