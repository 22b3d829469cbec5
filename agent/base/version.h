/* The version of reflejo. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define REFLEJO_VERSION "0.1.0"
/* When that version was made, for the manual and the package. */
#define REFLEJO_DATE "2026-11-26"

#endif
