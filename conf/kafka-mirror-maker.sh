#!/bin/sh
# kafka-mirror-maker.sh: runs reflejo on hosts whose scripts call MirrorMaker by this name. Put its folder before Kafka's in PATH, or put it
# in the place of Kafka's script.
# Under the name kafka-run-class.sh (a link) it runs reflejo for the class kafka.tools.MirrorMaker, and leaves every other class to the
# kafka-run-class.sh that comes behind it in PATH.
# What was for the JVM (KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS, KAFKA_LOG4J_OPTS, JMX_PORT, CLASSPATH, -loggc) has no effect here.
set -eu
name=${0##*/}
program=${REFLEJO:-reflejo}

say() { echo "$name: $*" >&2; }

# other_run_class ARGUMENT...: the next kafka-run-class.sh in PATH that is not this file
other_run_class() {
	own=$(readlink -f -- "$0")
	IFS=:
	for folder in $PATH; do
		other=$folder/kafka-run-class.sh
		if [ -x "$other" ] && [ "$(readlink -f -- "$other")" != "$own" ]; then
			unset IFS
			exec "$other" "$@"
		fi
	done
	say "runs kafka.tools.MirrorMaker only, and there is no other kafka-run-class.sh in PATH for: $*"
	exit 1
}

class_of() { # class_of ARGUMENT...: what stands behind kafka-run-class.sh's own options
	while [ $# -gt 0 ]; do
		case $1 in
		-name) [ $# -gt 1 ] && shift ;;
		-daemon | -loggc) ;;
		*) echo "$1" && return ;;
		esac
		shift
	done
}

if [ "$name" = kafka-run-class.sh ] && [ "$(class_of "$@")" != kafka.tools.MirrorMaker ]; then
	other_run_class "$@"
fi
as_daemon=
output=mirror-maker
while [ $# -gt 0 ]; do
	case $1 in
	-daemon) as_daemon=yes ;;
	-loggc | kafka.tools.MirrorMaker) ;;
	-name)
		[ $# -gt 1 ] || { say "-name needs a name behind it"; exit 1; }
		output=$2
		shift
		;;
	*) break ;;
	esac
	shift
done

case ${KAFKA_OPTS:-} in
*-Djava.security.auth.login.config=*)
	file=${KAFKA_OPTS#*-Djava.security.auth.login.config=}
	say "the JAAS file ${file%% *} of KAFKA_OPTS is not read here. Write into the properties files sasl.username and sasl.password," \
		"or for Kerberos sasl.kerberos.principal and sasl.kerberos.keytab, in the place of its entries; reflejo check says what is missing."
	;;
esac

if [ -z "$as_daemon" ]; then
	exec "$program" kafka.tools.MirrorMaker "$@"
fi
output=${LOG_DIR:-.}/$output.out
nohup "$program" kafka.tools.MirrorMaker "$@" >"$output" 2>&1 </dev/null &
