/* suite_run.h - the end of main() of a unit test: runs the suite as the environment says; the exit status. */
#ifndef TEST_SUITE_RUN_H
#define TEST_SUITE_RUN_H

#include <check.h>
#include <stdlib.h>

static inline int suite_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
