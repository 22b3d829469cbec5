/* Files in PEM form: why one cannot be read. */
#ifndef SERVICE_PEM_H
#define SERVICE_PEM_H

/* What went wrong with the last file, in OpenSSL's or the system's words; the errors of this thread
   must have been cleared before. @borrows until the next call @thread any */
const char *pem_reason(void);

#endif
