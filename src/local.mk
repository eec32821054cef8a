bin_PROGRAMS += src/agentd
src_agentd_SOURCES = src/agentd.c
src_agentd_LDADD = src/web/libweb.a src/publish/libpublish.a src/worker/libworker.a src/sweeper/libsweeper.a src/notify/libnotify.a \
  $(engine_LIBS) $(MHD_LIBS)

bin_PROGRAMS += src/agentctl
src_agentctl_SOURCES = src/agentctl.c
src_agentctl_LDADD = src/ctl/libctl.a src/publish/libpublish.a $(gateway_LIBS)

# What shells ask for completion; each is named as its shell wants it.
completions/bash/agentctl: src/agentctl$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) completions/bash && src/agentctl$(EXEEXT) completion bash >$@.tmp && mv $@.tmp $@
completions/zsh/_agentctl: src/agentctl$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) completions/zsh && src/agentctl$(EXEEXT) completion zsh >$@.tmp && mv $@.tmp $@
completions/fish/agentctl.fish: src/agentctl$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) completions/fish && src/agentctl$(EXEEXT) completion fish >$@.tmp && mv $@.tmp $@
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = completions/bash/agentctl
zshcompletiondir = $(datadir)/zsh/site-functions
zshcompletion_DATA = completions/zsh/_agentctl
fishcompletiondir = $(datadir)/fish/vendor_completions.d
fishcompletion_DATA = completions/fish/agentctl.fish
CLEANFILES += $(bashcompletion_DATA) $(zshcompletion_DATA) $(fishcompletion_DATA)
