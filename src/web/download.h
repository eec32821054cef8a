/* download.h - GET /tasks/:id/artifacts/:name, GET /artifacts/:id: a file, a piece at a time.
 *
 * Shapes:  the length is known before; while a piece is fetched the connection is suspended. The bytes are what somebody gave, so that no
 *          browser may make anything of them but a file.
 * Memory:  one piece (FILE_CHUNK) and what the database's text form of it takes.
 *          One range of it may be asked for, so that what broke off is fetched to its end.
 * Errors:  before the first byte through reply.h; then the connection ends before the length is reached.
 * Source:  RFC 9110, 13.1.2 (If-None-Match), 13.1.5 (If-Range), 14 (Range); RFC 6266 (Content-Disposition).
 */
#ifndef WEB_DOWNLOAD_H
#define WEB_DOWNLOAD_H

#include "base/str.h"

struct arena;

/* "attachment; ..." with the name twice: in ASCII, and as it is. */
const char *download_disposition(struct arena *a, struct str name);

#endif
