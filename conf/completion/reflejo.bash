# shellcheck shell=bash
# Completion of reflejo's command line for bash.
# Printed by `reflejo print completion bash`.

_reflejo_commands='run check plan verify redrive test ctl tap groups print demo version help'
_reflejo_ctl='status plan groups pause resume show-held skip dead-letter limit reload rollback tap events log-level stop ready'
_reflejo_run=' --num.streams --whitelist --include --blacklist --exclude --topic.prefix --topic.suffix --topic.rename.regex --topic.rename.replacement --dead.letter.topic --abort.on.send.failure --send.on.error --on.gap --offset.commit.interval.ms --exactly.once --commit.interval.ms --exactly.once.topic --partition.mode --buffer.memory --limit --start.timeout.ms --shutdown.timeout.ms --message.handler --message.handler.args --consumer.rebalance.listener --rebalance.listener.args --offsets.import --offsets.import.alias --offsets.import.connector --offsets.import.topic --offsets.import.side --provenance --provenance.header --provenance.source --provenance.target --provenance.hops --loop.drop --secrets.interval --dry-run --until.end --until.timestamp --until.idle --report --core.dumps --new.consumer --new.producer --start.from --start.force --start.state.file --topics.create --topics.partitions --topics.replication.factor --topics.configs --topics.grow --topics.sync.configs --topics.sync.acls --topics.sync.interval --groups.sync --groups.interval --groups.topic --groups.save.interval --groups.memory --script.file --script.args --script.path --script.on.error --script.batch.records --script.time.limit.ms --script.memory.limit --script.emit.limit --script.libs --script.test --script.jit --script.watch --script.state.file --admin.listen --admin.token.file --admin.tls.certificate.file --admin.tls.key.file --admin.tls.client.ca.file --admin.tls.client.certificates --admin.stall.seconds --admin.state.file --metrics.partitions --log.level --log.format --log.file --log.progress.interval --config --consumer.config --producer.config --help --version'
_reflejo_consumer=' --consumer.bootstrap.servers --consumer.metadata.broker.list --consumer.profile --consumer.zookeeper.connect --consumer.zookeeper.session.timeout.ms --consumer.zookeeper.connection.timeout.ms --consumer.zookeeper.sync.time.ms --consumer.client.id --consumer.client.rack --consumer.client.dns.lookup --consumer.request.timeout.ms --consumer.socket.timeout.ms --consumer.default.api.timeout.ms --consumer.metadata.max.age.ms --consumer.topic.metadata.refresh.interval.ms --consumer.metadata.recovery.strategy --consumer.metadata.recovery.rebootstrap.trigger.ms --consumer.metadata.cluster.check.enable --consumer.bootstrap.resolve.timeout.ms --consumer.refresh.leader.backoff.ms --consumer.reconnect.backoff.ms --consumer.reconnect.backoff.max.ms --consumer.retry.backoff.ms --consumer.retry.backoff.max.ms --consumer.socket.connection.setup.timeout.ms --consumer.socket.connection.setup.timeout.max.ms --consumer.connections.max.idle.ms --consumer.receive.buffer.bytes --consumer.send.buffer.bytes --consumer.socket.receive.buffer.bytes --consumer.enable.metrics.push --consumer.metric.reporters --consumer.metrics.num.samples --consumer.metrics.recording.level --consumer.metrics.sample.window.ms --consumer.auto.include.jmx.reporter --consumer.interceptor.classes --consumer.config.providers --consumer.security.providers --consumer.allow.auto.create.topics --consumer.group.id --consumer.groupid --consumer.zk.connect --consumer.group.instance.id --consumer.group.protocol --consumer.group.remote.assignor --consumer.consumer.id --consumer.key.deserializer --consumer.value.deserializer --consumer.enable.auto.commit --consumer.auto.commit.enable --consumer.auto.commit.interval.ms --consumer.auto.offset.reset --consumer.isolation.level --consumer.fetch.min.bytes --consumer.fetch.max.wait.ms --consumer.fetch.wait.max.ms --consumer.fetch.max.bytes --consumer.max.partition.fetch.bytes --consumer.fetch.message.max.bytes --consumer.fetch.buffer.bytes --consumer.total.memory.bytes --consumer.queued.max.message.chunks --consumer.num.consumer.fetchers --consumer.max.poll.records --consumer.max.poll.interval.ms --consumer.session.timeout.ms --consumer.heartbeat.interval.ms --consumer.heartbeat.frequency --consumer.rebalance.timeout.ms --consumer.partition.assignment.strategy --consumer.exclude.internal.topics --consumer.check.crcs --consumer.consumer.timeout.ms --consumer.rebalance.max.retries --consumer.rebalance.backoff.ms --consumer.offsets.storage --consumer.dual.commit.enabled --consumer.offsets.channel.backoff.ms --consumer.offsets.channel.socket.timeout.ms --consumer.offsets.commit.max.retries --consumer.mirror.consumer.numthreads --consumer.mirror.topics.whitelist --consumer.mirror.topics.blacklist --consumer.internal.leave.group.on.close --consumer.internal.throw.on.fetch.stable.offset.unsupported --consumer.enable.auto.offset.store --consumer.enable.partition.eof --consumer.message.max.bytes --consumer.security.protocol --consumer.security.inter.broker.protocol --consumer.sasl.mechanism --consumer.sasl.mechanisms --consumer.sasl.username --consumer.sasl.password --consumer.sasl.kerberos.service.name --consumer.sasl.kerberos.principal --consumer.sasl.kerberos.keytab --consumer.sasl.kerberos.min.time.before.relogin --consumer.sasl.kerberos.kinit.cmd --consumer.sasl.jaas.config --consumer.java.security.auth.login.config --consumer.sasl.kerberos.ticket.renew.jitter --consumer.sasl.kerberos.ticket.renew.window.factor --consumer.sasl.login.class --consumer.sasl.login.refresh.window.factor --consumer.sasl.login.refresh.window.jitter --consumer.sasl.login.refresh.min.period.seconds --consumer.sasl.login.refresh.buffer.seconds --consumer.sasl.login.connect.timeout.ms --consumer.sasl.login.read.timeout.ms --consumer.sasl.login.retry.backoff.ms --consumer.sasl.login.retry.backoff.max.ms --consumer.sasl.login.callback.handler.class --consumer.sasl.oauthbearer.token.endpoint.url --consumer.sasl.oauthbearer.scope --consumer.sasl.oauthbearer.client.credentials.client.id --consumer.sasl.oauthbearer.client.credentials.client.secret --consumer.sasl.oauthbearer.jwt.retriever.class --consumer.sasl.oauthbearer.assertion.template.file --consumer.sasl.oauthbearer.sub.claim.name --consumer.sasl.oauthbearer.scope.claim.name --consumer.sasl.oauthbearer.header.urlencode --consumer.sasl.oauthbearer.clock.skew.seconds --consumer.sasl.oauthbearer.expected.audience --consumer.sasl.oauthbearer.expected.issuer --consumer.sasl.oauthbearer.jwks.endpoint.url --consumer.sasl.oauthbearer.jwks.endpoint.refresh.ms --consumer.sasl.oauthbearer.jwks.endpoint.retry.backoff.ms --consumer.sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms --consumer.sasl.oauthbearer.jwt.validator.class --consumer.ssl.ca.location --consumer.ssl.certificate.location --consumer.ssl.key.location --consumer.ssl.key.password --consumer.ssl.keystore.password --consumer.ssl.truststore.location --consumer.ssl.truststore.type --consumer.ssl.truststore.password --consumer.ssl.truststore.certificates --consumer.ssl.keystore.location --consumer.ssl.keystore.type --consumer.ssl.keystore.certificate.chain --consumer.ssl.keystore.key --consumer.ssl.endpoint.identification.algorithm --consumer.ssl.cipher.suites --consumer.ssl.enabled.protocols --consumer.ssl.protocol --consumer.ssl.provider --consumer.ssl.keymanager.algorithm --consumer.ssl.trustmanager.algorithm --consumer.ssl.secure.random.implementation'
_reflejo_producer=' --producer.bootstrap.servers --producer.metadata.broker.list --producer.profile --producer.zookeeper.connect --producer.client.id --producer.client.rack --producer.client.dns.lookup --producer.request.timeout.ms --producer.timeout.ms --producer.socket.timeout.ms --producer.default.api.timeout.ms --producer.metadata.max.age.ms --producer.topic.metadata.refresh.interval.ms --producer.metadata.max.idle.ms --producer.metadata.fetch.timeout.ms --producer.metadata.recovery.strategy --producer.metadata.recovery.rebootstrap.trigger.ms --producer.metadata.cluster.check.enable --producer.bootstrap.resolve.timeout.ms --producer.reconnect.backoff.ms --producer.reconnect.backoff.max.ms --producer.retry.backoff.ms --producer.retry.backoff.max.ms --producer.socket.connection.setup.timeout.ms --producer.socket.connection.setup.timeout.max.ms --producer.connections.max.idle.ms --producer.receive.buffer.bytes --producer.send.buffer.bytes --producer.socket.receive.buffer.bytes --producer.enable.metrics.push --producer.metric.reporters --producer.metrics.num.samples --producer.metrics.recording.level --producer.metrics.sample.window.ms --producer.auto.include.jmx.reporter --producer.interceptor.classes --producer.config.providers --producer.security.providers --producer.allow.auto.create.topics --producer.key.deserializer --producer.value.deserializer --producer.acks --producer.request.required.acks --producer.enable.idempotence --producer.max.in.flight.requests.per.connection --producer.max.in.flight --producer.retries --producer.message.send.max.retries --producer.delivery.timeout.ms --producer.message.timeout.ms --producer.linger.ms --producer.queue.buffering.max.ms --producer.batch.size --producer.batch.num.messages --producer.buffer.memory --producer.queue.buffering.max.messages --producer.max.request.size --producer.message.max.bytes --producer.max.block.ms --producer.queue.enqueue.timeout.ms --producer.block.on.buffer.full --producer.compression.type --producer.compression.codec --producer.compressed.topics --producer.compression.gzip.level --producer.compression.lz4.level --producer.compression.zstd.level --producer.key.serializer --producer.value.serializer --producer.serializer.class --producer.key.serializer.class --producer.partitioner.class --producer.partitioner --producer.partitioner.ignore.keys --producer.partitioner.adaptive.partitioning.enable --producer.partitioner.availability.timeout.ms --producer.producer.type --producer.transaction.timeout.ms --producer.transaction.two.phase.commit.enable --producer.internal.auto.downgrade.txn.commit --producer.delivery.report.only.error --producer.queuing.strategy --producer.enable.gapless.guarantee --producer.security.protocol --producer.security.inter.broker.protocol --producer.sasl.mechanism --producer.sasl.mechanisms --producer.sasl.username --producer.sasl.password --producer.sasl.kerberos.service.name --producer.sasl.kerberos.principal --producer.sasl.kerberos.keytab --producer.sasl.kerberos.min.time.before.relogin --producer.sasl.kerberos.kinit.cmd --producer.sasl.jaas.config --producer.java.security.auth.login.config --producer.sasl.kerberos.ticket.renew.jitter --producer.sasl.kerberos.ticket.renew.window.factor --producer.sasl.login.class --producer.sasl.login.refresh.window.factor --producer.sasl.login.refresh.window.jitter --producer.sasl.login.refresh.min.period.seconds --producer.sasl.login.refresh.buffer.seconds --producer.sasl.login.connect.timeout.ms --producer.sasl.login.read.timeout.ms --producer.sasl.login.retry.backoff.ms --producer.sasl.login.retry.backoff.max.ms --producer.sasl.login.callback.handler.class --producer.sasl.oauthbearer.token.endpoint.url --producer.sasl.oauthbearer.scope --producer.sasl.oauthbearer.client.credentials.client.id --producer.sasl.oauthbearer.client.credentials.client.secret --producer.sasl.oauthbearer.jwt.retriever.class --producer.sasl.oauthbearer.assertion.template.file --producer.sasl.oauthbearer.sub.claim.name --producer.sasl.oauthbearer.scope.claim.name --producer.sasl.oauthbearer.header.urlencode --producer.sasl.oauthbearer.clock.skew.seconds --producer.sasl.oauthbearer.expected.audience --producer.sasl.oauthbearer.expected.issuer --producer.sasl.oauthbearer.jwks.endpoint.url --producer.sasl.oauthbearer.jwks.endpoint.refresh.ms --producer.sasl.oauthbearer.jwks.endpoint.retry.backoff.ms --producer.sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms --producer.sasl.oauthbearer.jwt.validator.class --producer.ssl.ca.location --producer.ssl.certificate.location --producer.ssl.key.location --producer.ssl.key.password --producer.ssl.keystore.password --producer.ssl.truststore.location --producer.ssl.truststore.type --producer.ssl.truststore.password --producer.ssl.truststore.certificates --producer.ssl.keystore.location --producer.ssl.keystore.type --producer.ssl.keystore.certificate.chain --producer.ssl.keystore.key --producer.ssl.endpoint.identification.algorithm --producer.ssl.cipher.suites --producer.ssl.enabled.protocols --producer.ssl.protocol --producer.ssl.provider --producer.ssl.keymanager.algorithm --producer.ssl.trustmanager.algorithm --producer.ssl.secure.random.implementation'

_reflejo_offer() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_reflejo_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_reflejo() {
	local i word glue='' cur before command sub='' flags='' names='' run='' files=''
	local -a words=()

	COMPREPLY=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i > 1)) && [[ $glue || $word == [=:]* ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
		[[ $word == *[=:] ]] && glue=1 || glue=''
	done
	((${#words[@]} > 1)) || return
	cur=${words[-1]} before=${words[-2]} command=${words[1]}
	if [[ $cur == --*=* ]]; then
		before=${cur%%=*} cur=${cur#*=}
	elif ((${#words[@]} == 2)) && [[ $cur != -* ]]; then
		_reflejo_offer "$_reflejo_commands"
		return
	fi
	[[ $command == -* || $command == kafka.tools.MirrorMaker ]] && command=run

	case $before in
	--send.on.error) _reflejo_offer 'drop pause dead-letter'; return ;;
	--on.gap) _reflejo_offer 'alarm pause stop'; return ;;
	--partition.mode) _reflejo_offer 'key preserve map round.robin crc32'; return ;;
	--offsets.import) _reflejo_offer 'zookeeper mm2 none'; return ;;
	--offsets.import.side) _reflejo_offer 'target source'; return ;;
	--topics.create) _reflejo_offer 'missing never'; return ;;
	--topics.grow) _reflejo_offer 'auto always never'; return ;;
	--script.on.error) _reflejo_offer 'pause dead-letter drop pass stop'; return ;;
	--script.jit) _reflejo_offer 'on off'; return ;;
	--admin.tls.client.certificates) _reflejo_offer 'required optional'; return ;;
	--log.level) _reflejo_offer 'debug info warn error'; return ;;
	--log.format) _reflejo_offer 'auto human kv json journal'; return ;;
	--abort.on.send.failure|--exactly.once|--provenance|--loop.drop|--core.dumps|--topics.sync.configs|--topics.sync.acls|--script.watch) _reflejo_offer 'true false'; return ;;
	--message.handler|--report|--start.state.file|--script.file|--script.path|--script.test|--script.state.file|--admin.token.file|--admin.tls.certificate.file|--admin.tls.key.file|--admin.tls.client.ca.file|--admin.state.file|--log.file|--config|--consumer.config|--producer.config|--source-topics|--script|--records|--token-file|--ca-file|--certificate-file|--key-file) _reflejo_files; return ;;
	--level) _reflejo_offer 'debug info warn error'; return ;;
	--dry-run|--until.end|--new.consumer|--new.producer|--start.force|--help|--version|--connect|--json|--allow-duplicates|--allow-unexpected|--ignore-timestamps|--ignore-partitions|--junit|--watch|--keep|--no-follow) ;;
	--*) return ;; # a value of which nothing is known
	esac
	for ((i = 2; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		--*=*|--dry-run|--until.end|--new.consumer|--new.producer|--start.force|--help|--version|--connect|--json|--allow-duplicates|--allow-unexpected|--ignore-timestamps|--ignore-partitions|--junit|--watch|--keep|--no-follow) ;;
		--*) ((i++)) ;;
		*) sub=${words[i]}; break ;;
		esac
	done
	case $command in
	run) flags=' --config' run=1 names='' ;;
	check) flags=' --connect --json' run=1 names='' ;;
	plan) flags=' --json --source-topics' run=1 names='' ;;
	verify) flags=' --allow-duplicates --allow-unexpected --ignore-timestamps --ignore-partitions --json --from --to --findings --memory' run=1 names='' ;;
	redrive) flags=' --dry-run --topic --reason' run=1 names='' ;;
	test) flags=' --junit --script --records' files=1 names='' ;;
	ctl) flags=' --address --token-file --ca-file --certificate-file --key-file' names=$_reflejo_ctl ;;
	tap) flags=' --address --topic --count --token-file --ca-file --certificate-file --key-file' names='' ;;
	groups) flags=' --json --address --token-file --ca-file --certificate-file --key-file' names='' ;;
	print) flags='' names=' options properties sample events man completion' ;;
	demo) flags=' --seconds' names='' ;;
	version) flags='' names='' ;;
	help) flags='' names=$_reflejo_commands ;;
	esac
	[[ $sub ]] && names=''
	case "$command $sub" in
	'print man') names=' 1 5' ;;
	'print completion') names=' bash zsh' ;;
	'ctl status') flags+=' --watch --json' names='' ;;
	'ctl plan') flags+=' --json' names='' ;;
	'ctl groups') flags+=' --json' names='' ;;
	'ctl pause') flags+=' --keep' names='' ;;
	'ctl resume') flags+='' names='' ;;
	'ctl show-held') flags+=' --json' names='' ;;
	'ctl skip') flags+='' names='' ;;
	'ctl dead-letter') flags+='' names='' ;;
	'ctl limit') flags+='' names='' ;;
	'ctl reload') flags+='' names='' ;;
	'ctl rollback') flags+='' names='' ;;
	'ctl tap') flags+=' --count' names='' ;;
	'ctl events') flags+=' --no-follow --json --last --level' names='' ;;
	'ctl log-level') flags+='' names=' debug info warn error' ;;
	'ctl stop') flags+='' names='' ;;
	'ctl ready') flags+='' names='' ;;
	esac
	if [[ $cur == -* ]]; then
		[[ $run ]] && flags+=" $_reflejo_run"
		[[ $run && $cur == --consumer.* ]] && flags+=$_reflejo_consumer
		[[ $run && $cur == --producer.* ]] && flags+=$_reflejo_producer
		_reflejo_offer "$flags"
	elif [[ $files ]]; then
		_reflejo_files
	else
		_reflejo_offer "$names"
	fi
}

complete -F _reflejo reflejo
