# schema - a document of 60 properties against its compiled schema; no cluster is needed.
"$root/build/t/bench/schema" ${n_tasks:+"$n_tasks"} >"$var/bench-schema" || die "the bench of schemas failed"
while read -r figure_name value; do
	figure "$figure_name" "$value" us
done <"$var/bench-schema"
