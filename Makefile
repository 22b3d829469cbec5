# reflejo. `make help` lists what can be made.
#   SAN=asan|tsan    builds and tests with sanitizers (in build/asan, build/tsan)
#   RDKAFKA=PREFIX   builds and tests against that librdkafka instead of the system's (in build/rdkafka)
#   MALLOC=libc      builds and tests without jemalloc (in build/libc)

SAN ?=
RDKAFKA ?=
# Sanitizers have allocators of their own.
MALLOC ?= $(if $(SAN),libc,jemalloc)
PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?=
WITHOUT ?=
MAKEFLAGS += --no-builtin-rules
# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $@)

ifeq ($(filter libc jemalloc,$(MALLOC)),)
$(error MALLOC is libc or jemalloc)
endif

B := build$(if $(SAN),/$(SAN),$(if $(filter libc,$(MALLOC)),/libc))$(if $(RDKAFKA),/rdkafka)
PKGS := rdkafka libevent_core libevent_extra inih libpcre2-8 libcjson luajit libssl libcrypto libxxhash zlib mit-krb5 mit-krb5-gssapi
export PKG_CONFIG_PATH := $(if $(RDKAFKA),$(RDKAFKA)/lib/pkgconfig:)$(PKG_CONFIG_PATH)

# Sets up the machine before anything else is looked at; costs a moment when nothing is missing.
ifeq ($(filter help clean,$(MAKECMDGOALS)),)
SETUP := $(shell MALLOC=$(MALLOC) tests/tools/setup build >&2 || echo failed)
ifneq ($(SETUP),)
$(error the packages that the build needs could not be installed)
endif
endif

CC ?= cc
OPT ?= -O2
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wno-format-nonliteral $(if $(CI),-Werror)
# What makes a mistake harder to use; tests/functional/test_hardening.py looks at the program for each. Jumps land only where they may, where the
# processor can see to it.
HARDEN_x86_64 := -fcf-protection=full
HARDEN_aarch64 := -mbranch-protection=standard
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE $(HARDEN_$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))) \
	$(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(if $(shell echo __GNUC__ | $(CC) -E -P - | grep -x '1[2-9]\|[2-9][0-9]'),3,2))
SANFLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SANFLAGS_tsan := -fsanitize=thread -fno-omit-frame-pointer
SANFLAGS := $(if $(SAN),$(SANFLAGS_$(SAN)) -O1)
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS)) -levent_openssl -lzookeeper_mt -l:liblua5.1-cjson.a -lm
MALLOC_LIBS = $(if $(filter-out libc,$(MALLOC)),$(or $(shell pkg-config --libs jemalloc),$(error pkg-config does not find jemalloc; MALLOC=libc builds without)))
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -g $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) -Iagent $(PKG_CFLAGS) -pthread $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack $(SANFLAGS) $(if $(RDKAFKA),-Wl$(comma)-rpath$(comma)$(RDKAFKA)/lib) -pthread $(LDFLAGS)

comma := ,
SOURCES := $(wildcard agent/*/*.c)
EMBEDDED := $(sort $(wildcard lua/*.lua lua/*/*.lua)) $(shell grep -l 'FFI begin' agent/script/*.h)
MADE := $B/embedded.c $B/dashboard.c
OBJECTS := $(SOURCES:%.c=$B/%.o) $(MADE:.c=.o)
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

all: $B/reflejo ## build the program (build/reflejo)

# ThreadSanitizer has to see the threads of librdkafka.
SHIM := $(if $(filter tsan,$(SAN)),$B/tests/tools/c11threads.o)

$B/reflejo: $B/agent/main.o $(SHIM) $B/libreflejo.a
	$(call say,LD)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(MALLOC_LIBS) $(PKG_LIBS)

$B/libreflejo.a: $(OBJECTS)
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcs $@ $^

$B/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$B/embedded.c: tests/tools/embed $(EMBEDDED)
	@mkdir -p $(@D)
	$(call say,LUA)
	$(Q)tests/tools/embed $(EMBEDDED) >$@.new && mv $@.new $@

$B/dashboard.c: tests/tools/embed-page agent/service/dashboard.html
	@mkdir -p $(@D)
	$(call say,HTML)
	$(Q)tests/tools/embed-page agent/service/dashboard.html >$@.new && mv $@.new $@

$(MADE:.c=.o): %.o: %.c Makefile
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$B/unit/%: tests/unit/%.c $(SHIM) $B/libreflejo.a
	@mkdir -p $(@D)
	$(call say,TEST)
	$(Q)$(CC) $(ALL_CFLAGS) -I. -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(SHIM) $B/libreflejo.a $(PKG_LIBS)

# Fuzz targets need clang's libFuzzer; the agent is compiled once more for them, with its coverage.
FUZZ_FLAGS := -std=c11 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -Iagent -I.

$B/fuzz-objects/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)clang $(FUZZ_FLAGS) $(PKG_CFLAGS) -pthread -MMD -MP -c -o $@ $<

$B/fuzz-objects/%.o: $B/%.c
	@mkdir -p $(@D)
	$(Q)clang $(FUZZ_FLAGS) $(PKG_CFLAGS) -pthread -c -o $@ $<

FUZZ_OBJECTS := $(SOURCES:%.c=$B/fuzz-objects/%.o) $(MADE:$B/%.c=$B/fuzz-objects/%.o)

$B/fuzz/%: $B/fuzz-objects/tests/fuzz/%.o $(FUZZ_OBJECTS)
	@mkdir -p $(@D)
	$(call say,FUZZ)
	$(Q)clang -g -O1 -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ $(PKG_LIBS)

unit-programs: $(UNIT:%=$B/unit/%)
fuzz-programs: $(FUZZ:%=$B/fuzz/%)

RUN := SAN=$(SAN) RDKAFKA=$(RDKAFKA) MALLOC=$(MALLOC) BUILD=$B MAKE="$(MAKE)" tests/tools/run-tests

check: $B/reflejo unit-programs ## run every test this machine can run, but for the tiers in WITHOUT
	@$(RUN) $(filter-out $(WITHOUT),unit lua functional page fuzz model)
check-unit: $B/reflejo unit-programs ## run the unit tests
	@$(RUN) unit
check-lua: $B/reflejo ## run the ready-made scripts' tests and the examples of their reference
	@$(RUN) lua
check-functional: $B/reflejo ## run the functional tests (mock clusters)
	@$(RUN) functional
check-page: $B/reflejo ## run the tests of the live page in a browser (chromium)
	@$(RUN) page
check-kafka: $B/reflejo ## run the tests on real Kafka brokers (needs a JDK and Maven)
	@$(RUN) kafka
check-packaging: $B/reflejo ## run the tests of the package, units, manual, completion, alert rules, dashboard, container
	@$(RUN) packaging
check-fuzz: $B/reflejo ## run each fuzz target for SECONDS (default 10)
	@SECONDS_EACH=$(or $(SECONDS),10) $(RUN) fuzz
check-cost: $B/reflejo ## hold the instructions of a mirrored record to the committed number (valgrind)
	@$(RUN) cost
check-model: ## check the models of tracker and hand-over (tests/model) with Spin
	@$(RUN) model

lint: $B/reflejo ## check layers, comments, lengths, format, printed docs
	@tests/lint/run
docs: $B/reflejo ## print the committed documentation anew from the tables
	@tests/tools/print-docs $B/reflejo
demo: $B/reflejo ## mirror between two embedded clusters (SECONDS=10 ends by itself)
	@$B/reflejo demo $(if $(SECONDS),--seconds $(SECONDS))
bench: $B/reflejo ## measure on real brokers, against a bare librdkafka loop, MirrorMaker 1 and 2, and others (BENCH=--help)
	@tests/tools/setup bench; exec tests/bench/run $(BENCH)
cost: $B/reflejo ## count the instructions of a mirrored record (PROFILE=1 by function, RENEW=1 commits to them)
	@tests/tools/setup cost && exec tests/bench/cost $(if $(PROFILE),--profile) $(if $(RENEW),--renew) $(COST)

soak: $B/reflejo ## run the mirror under reloads, pauses, rebalances, scrapes (MINUTES=120)
	@MINUTES=$(or $(MINUTES),120) $(RUN) soak

torture: $B/reflejo ## run the mirror under faults on real brokers (MINUTES=10 SEED=N LEVEL=at-least-once|exactly-once)
	@MINUTES=$(or $(MINUTES),10) SEED=$(SEED) LEVEL=$(LEVEL) STEPS=$(STEPS) $(RUN) torture
torture-mutations: $B/reflejo ## show that the torture notices when a rule is broken on purpose
	@$(RUN) torture-mutations

# Where configurations are; a prefix of one's own keeps them to itself.
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)
SHARE := $(DESTDIR)$(PREFIX)/share
put = install -D -m 644 $(1) $(2)
# fill FILE TARGET NAME: the places, and what the unit is an instance of
fill = sed -e 's|@BINDIR@|$(PREFIX)/bin|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g; s|@NAME@|$(3)|g' $(1) | install -D -m 644 /dev/stdin $(DESTDIR)$(2)

install: $B/reflejo ## install to DESTDIR and PREFIX
	install -D -m 755 $B/reflejo $(DESTDIR)$(PREFIX)/bin/reflejo
	install -D -m 755 conf/kafka-mirror-maker.sh $(DESTDIR)$(PREFIX)/lib/reflejo/bin/kafka-mirror-maker.sh
	ln -sf kafka-mirror-maker.sh $(DESTDIR)$(PREFIX)/lib/reflejo/bin/kafka-run-class.sh
	$(foreach section,1 3 5,install -d $(SHARE)/man/man$(section) && install -m 644 conf/*.$(section) $(SHARE)/man/man$(section) &&) true
	$(call put,conf/completion/reflejo.bash,$(SHARE)/bash-completion/completions/reflejo)
	$(call put,conf/completion/_reflejo,$(SHARE)/zsh/vendor-completions/_reflejo)
	$(call fill,conf/systemd/reflejo.service.in,$(PREFIX)/lib/systemd/system/reflejo.service,reflejo)
	$(call fill,conf/systemd/reflejo.service.in,$(PREFIX)/lib/systemd/system/reflejo@.service,%i)
	$(call put,conf/systemd/sysusers.conf,$(DESTDIR)$(PREFIX)/lib/sysusers.d/reflejo.conf)
	$(call fill,conf/systemd/tmpfiles.conf,$(PREFIX)/lib/tmpfiles.d/reflejo.conf)
	$(call put,conf/logrotate,$(DESTDIR)$(SYSCONFDIR)/logrotate.d/reflejo)
	$(call put,README.md,$(SHARE)/doc/reflejo/README.md)
	$(call put,lua/README.md,$(SHARE)/doc/reflejo/scripts.md)
	install -m 644 conf/options.md conf/properties.md conf/events.md $(SHARE)/doc/reflejo
	install -d $(addprefix $(SHARE)/doc/reflejo/examples/,prometheus grafana kubernetes)
	$(call put,conf/reflejo.ini.sample,$(SHARE)/doc/reflejo/examples/reflejo.ini)
	install -m 644 conf/consumer.properties conf/producer.properties $(SHARE)/doc/reflejo/examples
	install -m 644 conf/prometheus/*.yml $(SHARE)/doc/reflejo/examples/prometheus
	install -m 644 conf/grafana/*.json $(SHARE)/doc/reflejo/examples/grafana
	install -m 644 conf/kubernetes/*.yaml $(SHARE)/doc/reflejo/examples/kubernetes
	$(call put,conf/openapi.yaml,$(SHARE)/reflejo/openapi.yaml)
	install -d $(SHARE)/reflejo/scripts
	install -m 644 scripts/*.lua scripts/README.md $(SHARE)/reflejo/scripts

deb: ## build the Debian package (build/reflejo_VERSION_ARCH.deb)
	@tests/tools/build-deb

clean: ## remove everything that was built
	rm -rf build

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 24
	@sed -n 's/^#   \(.*\)/  \1/p' Makefile

-include $(OBJECTS:.o=.d) $B/agent/main.d $(wildcard $B/fuzz-objects/*/*/*.d)
.PHONY: all check check-unit check-lua check-functional check-page check-packaging check-kafka check-fuzz check-cost check-model unit-programs fuzz-programs lint docs demo bench cost soak torture torture-mutations install deb clean help
.SECONDARY:
