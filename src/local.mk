bin_PROGRAMS += src/agentd
src_agentd_SOURCES = src/agentd.c
src_agentd_LDADD = src/web/libweb.a src/publish/libpublish.a src/worker/libworker.a src/sweeper/libsweeper.a \
  $(engine_LIBS) $(MHD_LIBS)

bin_PROGRAMS += src/agentctl
src_agentctl_SOURCES = src/agentctl.c
src_agentctl_LDADD = src/ctl/libctl.a src/publish/libpublish.a $(gateway_LIBS)
