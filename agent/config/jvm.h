/* The Java machine that MirrorMaker ran in: the system properties that its environment sets with
 * -D. */
#ifndef CONFIG_JVM_H
#define CONFIG_JVM_H

/* The value of a system property: what the last -DNAME=VALUE says in JAVA_TOOL_OPTIONS,
   JDK_JAVA_OPTIONS, KAFKA_OPTS and the other variables that Kafka's scripts and Ambari's hand to
   Java; what Java sets itself for user.home, user.name, user.dir, java.io.tmpdir and /. NULL when
   there is none. *ret_variable, if it is not NULL, is the variable that says it, or "Java".
   @gives a string @thread main */
char *jvm_property(const char *name, const char **ret_variable);

#endif
