/* Privacy: who else on this host can read the secrets of the configuration. */
#ifndef CONFIG_PRIVACY_H
#define CONFIG_PRIVACY_H

#include <stdbool.h>

#include "config/problems.h"
#include "config/properties.h"

/* Warns about secrets among flags, which everybody sees who can list processes. Those that stand in
   files or in the environment (placeholders, resolved already) are not meant. */
void privacy_check_flags(const struct properties *flags, struct problems *problems);

/* Warns when the file at path can be read by everybody and one of the properties, which were read
   from it, is a secret; and when a file can be that holds a secret for one of them. @blocks on
   looking at files */
void privacy_check_properties(
	const char *path, const struct properties *properties, struct problems *problems);

/* Warns when the file at path can be read by everybody; what is what it holds ("the key of the
   client"). @blocks on looking at it */
void privacy_check_file(
	const char *path, const char *what, const char *origin, struct problems *problems);

#endif
