/* The event loop: what the process needs before there is one. */
#ifndef SERVICE_LOOP_H
#define SERVICE_LOOP_H

/* Takes all the descriptors that the system grants, because each stream has connections to all
   brokers of both sides; has writes fail that would otherwise end the process by SIGPIPE or
   SIGXFSZ; and turns what libevent says into loop_trouble. fatal is called, on any thread, when
   libevent cannot go on, with what to do about it; it must not return. @thread main */
void loop_prepare(void (*fatal)(const char *reason));

#endif
