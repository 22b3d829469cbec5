/* Revival: a client that has lost sight of its cluster begins anew.

   From 2.10.0 on the library lets go of every broker that an answer about the cluster does not
   name. A broker that has just started, or the only one of a cluster while it is fenced, names none
   for a moment. Then often nothing is connected to any more, until the process ends (librdkafka
   #5301; seen with 2.12.1 and 2.15.1). Java's client passes over such an answer (NetworkClient). */
#ifndef KAFKA_REVIVAL_H
#define KAFKA_REVIVAL_H

/* Tells the process's clients that are lost where their cluster begins, which is how the library
   gets there again. Call it about once a second. @thread any */
void revival_look_after_clients(void);

#endif
