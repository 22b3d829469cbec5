/* Amounts for people: few digits and a unit. */
#ifndef BASE_AMOUNT_H
#define BASE_AMOUNT_H

#include "base/mem.h"

/* Each adds at the end of out; "-" for what is negative or no number, which says unknown. @thread
 * any */

/* "0", "999", "1.2k", "35M", ... by powers of 1000 */
void amount_put_count(struct text *out, double n);

/* "0 B", "1.2 kB", "35 MB", ... by powers of 1000 */
void amount_put_bytes(struct text *out, double n);

/* Seconds: "12 ms", "3.4 s", "3m 20s", "2h 5m", "3d 4h" */
void amount_put_span(struct text *out, double seconds);

#endif
