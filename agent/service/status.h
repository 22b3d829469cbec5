/* The status: the JSON document of GET /status, and the answer of GET /readyz. */
#ifndef SERVICE_STATUS_H
#define SERVICE_STATUS_H

#include <stdbool.h>

#include "service/view.h"

/* As conf/openapi.yaml describes Status. topic: also the partitions of this source topic, in
   `detail`; NULL: none.
   @gives the text @thread main */
char *status_document(const struct view *view, const char *topic);

/* As conf/openapi.yaml describes Ready; *ret_is_ready is what the HTTP status says. @gives the text
 * @thread main */
char *status_ready(const struct view *view, bool *ret_is_ready);

/* Is the mirror making progress everywhere? @thread main */
bool status_is_ready(const struct view *view);

#endif
