dist_man_MANS = \
  man/agentctl.1 \
  man/agentd-api.7 \
  man/agentd-internals.7 \
  man/agentd.8
