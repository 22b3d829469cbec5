/* The version of reflejo. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define REFLEJO_VERSION "0.1.0"

#endif
