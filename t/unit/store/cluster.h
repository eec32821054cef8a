/* cluster.h - a throw-away PostgreSQL cluster for the tests of this room (t/lib/pg-server.sh).
 *
 * Shapes:  one cluster per test program, with the schema and two workflows: "noop" (short, no budget) and "paid"
 *          (long, 1 USD, 1 h). cluster_start() prints a skip plan and ends the program without PostgreSQL.
 * Memory:  texts are valid until the next call.
 * Errors:  end the program.
 */
#ifndef TEST_CLUSTER_H
#define TEST_CLUSTER_H

void cluster_start(void);
void cluster_stop(void);
const char *cluster_conninfo(void);
const char *cluster_sql(const char *sql);	/* rows joined by '|' */
long cluster_number(const char *sql);
void cluster_command(const char *command);	/* crash, down, up */

#endif
