bin_PROGRAMS += src/agentd
src_agentd_SOURCES = src/agentd.c src/publish.c src/publish.h
src_agentd_LDADD = src/web/libweb.a src/worker/libworker.a src/sweeper/libsweeper.a \
  $(engine_LIBS) $(MHD_LIBS)
