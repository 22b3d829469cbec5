/* Dashboard: the live page, embedded when the program is built. */
#ifndef SERVICE_DASHBOARD_H
#define SERVICE_DASHBOARD_H

#include <stddef.h>

/* dashboard.html as it is, UTF-8 and NUL-terminated: text/html, for GET /. It asks the admin API by
   addresses relative to its own, so that it also works behind a reverse proxy's prefix. */
extern const char dashboard_html[];
/* Its bytes, without the NUL. */
extern const size_t dashboard_size;

/* The value of the header Content-Security-Policy that the page must be sent with: it allows the
   page's own style and script by their hashes, requests to this server, and nothing else. */
extern const char dashboard_csp[];

#endif
