/* Placeholders: values that stand elsewhere, in files and in the environment. */
#ifndef CONFIG_PLACEHOLDER_H
#define CONFIG_PLACEHOLDER_H

#include "base/err.h"
#include "config/problems.h"
#include "config/properties.h"

/* Puts the real values in: `@FILE` (the whole value; `@@` stands for one @ that is meant as such),
   `${env:NAME}`,
   `${file:PATH}`, `${file:PATH:KEY}`, `${directory:PATH:NAME}`, and the same under the names that
   config.providers gives to Kafka's own provider classes (KIP-297, KIP-421). A replaced property
   keeps its old text in shown. Properties that are passed are left alone. What is missing is an
   error at the property's origin. @blocks on reading files */
void placeholders_resolve(struct properties *properties, struct problems *problems);

/* The same for one text that is in no property, by the names env, file and directory. NULL after an
   error. @gives a string @blocks on reading files */
char *placeholder_expand(const char *s, struct err *err);

#endif
