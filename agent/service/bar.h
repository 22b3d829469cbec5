/* The bar: one line on a terminal's stderr that says how far a one shot is, drawn over itself. */
#ifndef SERVICE_BAR_H
#define SERVICE_BAR_H

#include "service/oneshot.h"

/* Draws it where stderr is a terminal and what is logged there is for people; call it once a
   second. NULL is accepted: there is none. @thread main */
void bar_draw(const struct oneshot *oneshot);

/* Takes it away for good. @thread main */
void bar_end(void);

#endif
