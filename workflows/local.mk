# Shipped configuration: a root of its own below $(pkgdatadir), to run as it is or to copy.
nobase_dist_pkgdata_DATA = \
  hooks/github-issue.yaml \
  policies/replay/demo.json \
  policies/risk.yaml \
  policies/routing.yaml \
  workflows/brief.yaml \
  workflows/digest.yaml \
  workflows/letter.yaml \
  workflows/lookup.yaml \
  workflows/prompts/brief-check.md \
  workflows/prompts/brief-draft.md \
  workflows/prompts/brief-research-system.md \
  workflows/prompts/brief-research.md \
  workflows/prompts/lookup.md \
  workflows/prompts/overview.md \
  workflows/prompts/summary.md \
  workflows/reminder.yaml \
  workflows/triage.yaml

EXTRA_DIST += README.md dev dev.d .ci/run .clang-format
