/* listen.h - the listening socket: unix:/PATH or ADDRESS:PORT.
 *
 * Shapes:  a descriptor, non-blocking. A socket file that a killed server left behind is replaced; anything else at
 *          that path stays.
 * Memory:  the caller closes the descriptor with listen_close(), which removes the socket file.
 * Errors:  ERR_CONFIG: the address cannot be had, and why.
 * Source:  agentd.yaml(5), web.listen.
 */
#ifndef WEB_LISTEN_H
#define WEB_LISTEN_H

struct err;

int listen_open(const char *at, int socket_mode, struct err *err);	/* -1 with err */
void listen_close(const char *at, int fd);

#endif
