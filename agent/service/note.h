/* A note: one line that outlives the process, saying that something was done and need not be again.
 */
#ifndef SERVICE_NOTE_H
#define SERVICE_NOTE_H

#include "base/err.h"

/* What the note at path says, NULL: there is none. A file that is no note, or another user's, is an
   error. @gives *ret @blocks on the disk */
int note_read(const char *path, char **ret, struct err *err);

/* Writes a note beside path, for note_keep; so it is known before something is done that it can be
   noted. @blocks on the disk */
int note_write(const char *path, const char *text, struct err *err);

/* What note_write wrote is the note from now on. @blocks on the disk */
int note_keep(const char *path, struct err *err);

/* What note_write wrote is not kept; none is accepted. @blocks on the disk */
void note_undo(const char *path);

/* There is no note any more; what is no note stays. @blocks on the disk */
void note_drop(const char *path);

#endif
