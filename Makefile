# Sluice: see README.md. Everything that is built goes to $(B).
#
#   make                the programs, hardened
#   make DEBUG=1        the same for gdb, in build-debug
#   make SANITIZE=1     with AddressSanitizer and UBSan, in build-asan
#   make CC=clang B=build-clang
#   make STATIC=1       programs without a dynamic loader, in build-static: they
#                       start in a fraction of the time. With musl if musl-gcc
#                       is there; tls-io has OpenSSL linked in
#   make LEAN=1         only those that each connection starts, which look up no
#                       hosts: what the packages have

VERSION   = 0.1
# What is built in follows from these, and is built anew when they change.
PREFIX    = /usr/local
SBINDIR   = $(PREFIX)/sbin
BINDIR    = $(PREFIX)/bin
LIBEXECDIR = $(PREFIX)/libexec/emailrelay
MANDIR    = $(PREFIX)/share/man
COMPLETIONDIR = $(PREFIX)/share/bash-completion/completions
DOCDIR    = $(PREFIX)/share/doc/sluice
EXAMPLESDIR = $(DOCDIR)/examples
SYSCONFDIR = /etc
PAMDIR    = $(SYSCONFDIR)/pam.d
INITDIR   = $(LIBEXECDIR)/init
SPOOLDIR  = /var/spool/emailrelay
SPOOLGROUP = daemon
# What is put before all of them when it is installed, and not built in
DESTDIR   =

B         = build$(if $(DEBUG),-debug)$(if $(SANITIZE),-asan)$(if $(STATIC),-static)$(if $(COVERAGE),-coverage)$(if $(LEAN),-lean)

ifdef STATIC
# Not all of OpenSSL and PAM can be had this way: the helpers stay dynamic, and
# so do the unit tests.
STATIC_CC := $(shell command -v musl-gcc)
endif
ifneq ($(STATIC_CC),)
# Debian's musl-gcc knows no -static-pie: these are its parts
MUSL     := /usr/lib/$(subst gnu,musl,$(shell $(CC) -dumpmachine))
PIE      := -nostartfiles -Wl,-static,-pie,--no-dynamic-linker,-z,text \
	$(MUSL)/rcrt1.o $(MUSL)/crti.o $(shell $(CC) -print-file-name=crtbeginS.o)
PIE_END  := $(shell $(CC) -print-file-name=crtendS.o) $(MUSL)/crtn.o
else
PIE       = $(if $(STATIC),-static-pie,-pie)
endif

WARNINGS  = -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow \
	-Wformat=2 -Wvla -Wwrite-strings -Wstrict-prototypes -Wcast-align \
	-Wno-missing-field-initializers -Wmissing-prototypes -Wold-style-definition -Wundef -Wpointer-arith \
	-Werror=format-security -Werror=implicit-function-declaration \
	$(if $(WERROR),-Werror)
HARDENED  = -O2 -g -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -fno-strict-overflow \
	-fno-delete-null-pointer-checks $(ZEROED) $(LANDING) -fPIE
# clang has called it an experiment for years, and refuses it without a vow
ZEROED   := $(if $(shell echo | $(CC) -ftrivial-auto-var-init=zero -E - \
	>/dev/null 2>&1 && echo y),-ftrivial-auto-var-init=zero)
# Where a jump may lead is marked, if processors of this kind can see to it
LANDING  := $(if $(shell $(CC) -dumpmachine | grep x86_64),-fcf-protection=full, \
	$(if $(shell $(CC) -dumpmachine | grep aarch64),-mbranch-protection=standard))
DEBUGGED  = -Og -g3 -fPIE
CHECKED   = -fsanitize=address,undefined
SANITIZED = -O1 -g -fno-omit-frame-pointer $(CHECKED) \
	-fno-sanitize-recover=all -fPIE
# gnu11: there gcc knows fork and exec, which the counters have to survive
COVERED   = -std=gnu11 -O0 -g -fPIE --coverage -DCONFINED=0
CFLAGS    = $(if $(COVERAGE),$(COVERED),$(if $(SANITIZE),$(SANITIZED),$(if $(DEBUG),$(DEBUGGED),$(HARDENED))))
LDFLAGS   = $(PIE) -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code \
	$(if $(SANITIZE),$(CHECKED)) \
	$(if $(COVERAGE),-Wl$(comma)--wrap=_exit $(B)/t/coverage/leave.o)
# MD5, for CRAM-MD5: linked in, so that no program needs another library
LIBS      = $(if $(STATIC),$(shell $(CC) -print-file-name=libmd.a),-l:libmd.a) $(PIE_END)
CPPFLAGS  = -D_GNU_SOURCE -Ilib -DVERSION='"$(VERSION)"' \
	-DSPOOLDIR='"$(SPOOLDIR)"' -DSYSCONFDIR='"$(SYSCONFDIR)"' \
	-DSBINDIR='"$(SBINDIR)"' -DBINDIR='"$(BINDIR)"' \
	-DLIBEXECDIR='"$(LIBEXECDIR)"' $(if $(STATIC),-idirafter /usr/include \
	-idirafter /usr/include/$(shell $(CC) -dumpmachine))
# V=1 shows the commands
comma     = ,
Q         = $(if $(V),,@)
SAY       = $(if $(V),@:,@echo)
COMPILER  = $(or $(STATIC_CC),$(CC))
LINK      = $(COMPILER) $(CFLAGS) $(LDFLAGS)
COMPILE   = $(COMPILER) -std=c11 $(CPPFLAGS) $(WARNINGS) $(CFLAGS) -MMD -MP

# A program is a folder, or a file of spool-tools.
FOLDERS   = smtp-recv smtp-send pop3-serve admin-cmd emailrelay
LEANER    = $(if $(LEAN),smtp-recv pop3-serve admin-cmd)
TOOLS     = $(patsubst spool-tools/%.c,%,$(wildcard spool-tools/*.c))
PROGRAMS  = $(FOLDERS) $(TOOLS)
# Nobody runs the stock filters by hand: they are installed with the helpers,
# filter-copy also under the name that the manual has for it.
FILTERS   = $(filter filter-%,$(TOOLS))

# The helpers are what may be linked with more than libc.
HELPERS   = $(patsubst lib/helpers/%.c,%,$(wildcard lib/helpers/*.c))
# (LINKED_IN=1: OpenSSL is in the program, which starts sooner, and is to be
# built anew when OpenSSL has been mended)
LIBS_tls-io = $(if $(LINKED_IN),-l:libssl.a -l:libcrypto.a,-lssl -lcrypto)
LIBS_pam-check = -lpam
UNITS     = $(if $(STATIC),,$(patsubst t/unit/%.c,%,$(wildcard t/unit/*.c)))
PEERS     = $(patsubst t/bin/%.c,%,$(wildcard t/bin/*.c))
BENCHES   = $(patsubst t/bench/%.c,%,$(filter-out $(ALONE:%=t/bench/%.c),$(wildcard t/bench/*.c)))
# of the bench, and of no library of ours
ALONE     = floor tlsfloor tlsload
FUZZERS   = $(if $(STATIC),,$(patsubst t/fuzz/%.c,%,$(wildcard t/fuzz/*.c)))

SOURCES   = $(wildcard lib/*/*.c lib/*/*/*.c $(FOLDERS:%=%/*.c) spool-tools/*.c)
objects   = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)))
LIBRARY   = $(B)/libsluice.a
BINARIES  = $(PROGRAMS:%=$(B)/bin/%) $(HELPERS:%=$(B)/libexec/%) \
	$(B)/bin/sendmail $(B)/bin/mailq $(B)/bin/newaliases

COMPLETION = $(B)/share/sluice.bash

all: $(BINARIES) $(COMPLETION)

$(LIBRARY): $(filter-out $(B)/lib/helpers/%,$(call objects,lib/*/*.c))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# What the objects were made with: only touched when that is something else.
BUILT_WITH = $(COMPILER) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(B)/built-with: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(BUILT_WITH))' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(B)/%.o: %.c Makefile $(B)/built-with
	@mkdir -p $(@D)
	$(SAY) "CC   $@"
	$(Q)$(COMPILE) -c -o $@ $<

define folder_program
$(B)/bin/$(1): $(call objects,$(1)/*.c) $(LIBRARY)
	@mkdir -p $$(@D)
	$$(SAY) "LINK $$@"
	$$(Q)$$(LINK) -o $$@ $$^ $$(LIBS)
endef
$(foreach p,$(filter-out $(LEANER),$(FOLDERS)),$(eval $(call folder_program,$(p))))

# What is made in another way is made by a make of its own, which knows when.
ifdef LEAN
$(LEANER:%=$(B)/bin/%): $(B)/bin/%: $(B)/static/bin/%
	$(Q)install -D $< $@
$(LEANER:%=$(B)/static/bin/%): static-programs
	@:
static-programs: FORCE
	$(Q)$(MAKE) -s --no-print-directory STATIC=1 LEAN= B=$(B)/static $(LEANER:%=$(B)/static/bin/%)
endif

# Who cannot read a program cannot look into its process either, from its very
# first moment: tls-io has the key.
ifdef STATIC
$(HELPERS:%=$(B)/libexec/%): $(B)/libexec/%: $(B)/dynamic/libexec/%
	$(Q)install -D -m 711 $< $@
$(HELPERS:%=$(B)/dynamic/libexec/%): dynamic-helpers
	@:
dynamic-helpers: FORCE
	$(Q)$(MAKE) -s --no-print-directory STATIC= LINKED_IN=1 B=$(B)/dynamic $(HELPERS:%=$(B)/dynamic/libexec/%)
else
$(HELPERS:%=$(B)/libexec/%): $(B)/libexec/%: $(B)/lib/helpers/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(SAY) "LINK $@"
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(LIBRARY) $(LIBS_$*) $(LIBS)
	@chmod 711 $@

$(B)/libexec/tls-io: $(call objects,lib/helpers/tls/*.c)
endif

$(TOOLS:%=$(B)/bin/%): $(B)/bin/%: $(B)/spool-tools/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(SAY) "LINK $@"
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(B)/bin/sendmail $(B)/bin/mailq $(B)/bin/newaliases: $(B)/bin/spool-submit
	$(Q)ln -sf spool-submit $@

$(COMPLETION): doc/completion/generate $(PROGRAMS:%=$(B)/bin/%)
	@mkdir -p $(@D)
	$(SAY) "MAKE $@"
	$(Q)$^ >$@.new && mv $@.new $@

# --- tests: t/run prints "N passed, N failed" at its end ---

$(UNITS:%=$(B)/t/unit/%): $(B)/t/unit/%: $(B)/t/unit/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(SAY) "LINK $@"
	$(Q)$(LINK) -o $@ $^ $(LIBS) -lcmocka

$(PEERS:%=$(B)/t/bin/%) $(BENCHES:%=$(B)/t/bench/%): $(B)/t/%: $(B)/t/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(SAY) "LINK $@"
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(LIBRARY) $(LIBS)

$(B)/t/bin/answer: $(call objects,t/bin/parts/*.c)
$(B)/t/bin/meet: $(call objects,t/bin/meeting/*.c)
$(B)/t/bin/besiege: $(call objects,t/bin/siege/*.c)
$(B)/t/bin/tamper: $(call objects,t/bin/trace/*.c)

# preloaded: it has to be of the programs' libc
$(B)/t/crash/stingy.so: t/crash/stingy.c
	@mkdir -p $(@D)
	$(SAY) "LINK $@"
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -fPIC -shared -o $@ $<

test-programs: all $(UNITS:%=$(B)/t/unit/%) $(PEERS:%=$(B)/t/bin/%) \
	$(FUZZERS:%=$(B)/t/fuzz/%) $(B)/t/crash/stingy.so \
	$(addprefix $(B)/t/bench/,floor load peak popload sink)

check: test-programs
	t/run $(B) $(TESTS)

asan:
	$(MAKE) SANITIZE=1 check

# How many lines of lib and the programs the tests execute, in percent: all
# and each. More than MARK of all or it fails.
MARK      = 90
coverage:
	$(MAKE) COVERAGE=1 $(B)-coverage/t/coverage/leave.o
	$(MAKE) COVERAGE=1 test-programs
	t/coverage/run $(B)-coverage $(MARK) $(TESTS)

# Stopped and hindered at each system call, all power cuts; and kill -9 under
# load, for as long as you like
KILLS = 5000
torture: test-programs
	t/crash/run $(B) --random=20
	t/torture $(B) $(KILLS)

# Many clients at once, for a while
LOAD_SECONDS = 60
LOAD_CLIENTS = 200
load: all $(B)/t/bench/sink
	t/load $(B) $(LOAD_SECONDS) $(LOAD_CLIENTS)

$(B)/t/bench/sink: $(B)/t/bench/parts/smtp.o

# What smtp-recv is measured against: static, and with musl if it is there
FLOOR     = t/bench/floor.c t/bench/parts/smtp.c
FLOOR_CC  = $(shell command -v musl-gcc || echo $(CC))

$(B)/t/bench/floor: $(FLOOR) t/bench/parts/smtp.h
	@mkdir -p $(@D)
	$(FLOOR_CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O2 -static -o $@ $(FLOOR)

# TLS from both sides, always with the libc of OpenSSL
$(B)/t/bench/tls%: t/bench/tls%.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O2 -o $@ $< -lssl -lcrypto

bench: all $(BENCHES:%=$(B)/t/bench/%) $(ALONE:%=$(B)/t/bench/%)
	t/bench/run $(B) $(ROW)

# How cost grows, as it is here and now
bench-plot: ROW = grow-receive grow-forward grow-size grow-memory \
	grow-recipients
bench-plot: export BENCH_JSON = $(B)/growth.json
bench-plot: bench
	t/bench/plot $(BENCH_JSON) >doc/growth.svg

# --- fuzzing: each parser and each session for FUZZ_SECONDS, with clang's
# libFuzzer. `make check` has the same targets without it, for what is in
# t/fuzz/corpus ---

FUZZ_SECONDS = 10
FUZZ_B    = build-fuzz

# A session is fuzzed with all of its program but the main.c (OF), with some
# functions replaced by the target's own (WRAP), and with parts of t/fuzz/parts
# (PARTS), which replace others: the network, calls that fail, ...
OF_session_send = smtp-send
PARTS_session_send = wire
WRAP_session_send = socks_connect tls_connect
OF_session_recv = smtp-recv
PARTS_session_recv = wire box fault server
WRAP_session_recv = message_id_make filter_run verify
OF_session_pop = pop3-serve
PARTS_session_pop = wire box server
OF_session_admin = admin-cmd
PARTS_session_admin = wire box
WRAP_session_admin = program_converse_with waitpid do_terminate events_start
OF_token  = smtp-send
PARTS_token = wire box
WRAP_token = helper_run time
PARTS_hail = wire
WRAP_hail = net_connect
PARTS_files = box
OF_options = smtp-recv
WRAP_options = die exit fopen setenv unsetenv log_configure log_warning \
	options_help environment_value

WRAP_wire = recv __recv_chk send poll nanosleep date_ticks getrandom
WRAP_fault = write writev fsync openat renameat2
WRAP_server = secrets_read tls_open tls_accept

fuzz_parts = $(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,\
	$(wildcard $(OF_$(1):%=%/*.c)))) \
	$(patsubst %,$(B)/t/fuzz/parts/%.o,$(PARTS_$(1)) $(if $(FUZZ),,replay))
fuzz_wraps = $(patsubst %,-Wl$(comma)--wrap=%,$(WRAP_$(1)) \
	$(foreach p,$(PARTS_$(1)),$(WRAP_$(p))))

$(B)/t/fuzz/%.o: CPPFLAGS += -It/fuzz -I.

define fuzz_target
$(B)/t/fuzz/$(1): $(B)/t/fuzz/$(1).o $(call fuzz_parts,$(1)) $(LIBRARY)
	$$(SAY) "LINK $$@"
	$$(Q)$$(LINK) $(if $(FUZZ),-fsanitize=fuzzer) -o $$@ $$^ $(call fuzz_wraps,$(1)) $$(LIBS)
endef
$(foreach t,$(FUZZERS),$(eval $(call fuzz_target,$(t))))

fuzz-targets: $(FUZZERS:%=$(B)/t/fuzz/%)

fuzz:
	$(MAKE) CC=clang B=$(FUZZ_B) SANITIZE=1 FUZZ=1 fuzz-targets \
	    CHECKED=-fsanitize=fuzzer-no-link,address,undefined
	t/fuzz/run $(FUZZ_B) $(FUZZ_SECONDS) $(FUZZERS)

# --- the look of it ---

lint:
	t/lint $(SOURCES)

# --- by hand: a relay on 127.0.0.1:$(PORT), kept or sent on to FORWARD ---

PORT = 2525
run: all
	doc/examples/serve $(B) $(PORT) $(FORWARD)

# --- installation: as root, or into DESTDIR ---

MAN = $(wildcard doc/*.[1-9])
SERVERS = smtp-recv smtp-send pop3-serve admin-cmd emailrelay
AT = $(DESTDIR)
# The names of E-MailRelay's programs, and those of everybody's sendmail
ALIASES = submit passwd poke
MAN_ALIASES = man1/emailrelay-filter-copy.1 $(ALIASES:%=man1/emailrelay-%.1)
MTA_ALIASES = $(SBINDIR)/sendmail $(BINDIR)/mailq $(BINDIR)/newaliases
MTA_MAN = man8/sendmail.8 man1/mailq.1 man1/newaliases.1

# The paths in texts become those of this installation.
REPATH = sed -e 's,/usr/local/share/doc/sluice/examples,$(EXAMPLESDIR),g' \
	-e 's,/usr/local/share/doc/sluice,$(DOCDIR),g' \
	-e 's,/usr/local/libexec/emailrelay,$(LIBEXECDIR),g' \
	-e 's,/usr/local/sbin/,$(SBINDIR)/,g' \
	-e 's,/usr/local/bin/,$(BINDIR)/,g' \
	-e 's,/var/spool/emailrelay,$(SPOOLDIR),g' \
	-e 's,/etc/pam\.d/emailrelay,$(PAMDIR)/emailrelay,g' \
	-e 's,/etc/emailrelay,$(SYSCONFDIR)/emailrelay,g'
# text FILE MODE TARGET; kept FILE MODE TARGET: what is there stays
TEXT = text() { install -d "$$(dirname "$(AT)$$3")" && rm -f "$(AT)$$3" && \
	$(REPATH) "$$1" >"$(AT)$$3" && chmod "$$2" "$(AT)$$3"; }; \
	kept() { [ -e "$(AT)$$3" ] || text "$$@"; };
# $(call alias,TARGET,NAME): a link that holds wherever the whole is moved to
alias = ln -srfn $(AT)$(1) $(AT)$(2)

install: install-programs install-texts install-settings install-spool

install-programs: all
	install -d $(AT)$(SBINDIR) $(AT)$(BINDIR) $(AT)$(LIBEXECDIR)
	install $(SERVERS:%=$(B)/bin/%) $(AT)$(SBINDIR)
	install $(filter-out $(FILTERS:%=$(B)/bin/%),$(TOOLS:%=$(B)/bin/%)) \
	    $(AT)$(BINDIR)
	install $(FILTERS:%=$(B)/bin/%) $(AT)$(LIBEXECDIR)
	install -m 711 $(HELPERS:%=$(B)/libexec/%) $(AT)$(LIBEXECDIR)
	$(call alias,$(LIBEXECDIR)/filter-copy,$(LIBEXECDIR)/emailrelay-filter-copy)
	for p in $(ALIASES); do \
		$(call alias,$(BINDIR)/spool-$$p,$(LIBEXECDIR)/emailrelay-$$p) && \
		$(call alias,$(BINDIR)/spool-$$p,$(SBINDIR)/emailrelay-$$p) || exit; \
	done
	if [ "$$(id -u)" = 0 ]; then \
		chgrp $(SPOOLGROUP) $(AT)$(BINDIR)/spool-submit && \
		chmod 2755 $(AT)$(BINDIR)/spool-submit; \
	fi

install-texts: all
	for f in README.md SECURITY.md CONTRIBUTING.md LICENSE \
	    inetd.conf.sample doc/differences.md doc/performance.md doc/growth.svg; do \
		$(TEXT) text $$f 644 $(DOCDIR)/$${f##*/} || exit; \
	done
	for f in $$(find doc/examples -type f); do \
		mode=644; [ ! -x $$f ] || mode=755; \
		$(TEXT) text $$f $$mode $(EXAMPLESDIR)$${f#doc/examples} || exit; \
	done
	install -d $(AT)$(LIBEXECDIR)
	$(call alias,$(EXAMPLESDIR),$(LIBEXECDIR)/examples)
	for f in $(MAN); do \
		$(TEXT) text $$f 644 $(MANDIR)/man$${f##*.}/$${f##*/} || exit; \
	done
	for p in $(ALIASES); do \
		$(call alias,$(MANDIR)/man1/spool-$$p.1,$(MANDIR)/man1/emailrelay-$$p.1) || exit; \
	done
	$(call alias,$(MANDIR)/man8/filter-copy.8,$(MANDIR)/man1/emailrelay-filter-copy.1)
	install -d $(AT)$(COMPLETIONDIR)
	for p in $(PROGRAMS); do \
		install -m 644 $(COMPLETION) $(AT)$(COMPLETIONDIR)/$$p || exit; \
	done

# The administrator's: never changed, and never removed
install-settings:
	$(TEXT) text doc/etc/emailrelay.conf.template 644 $(SYSCONFDIR)/emailrelay.conf.template
	$(TEXT) kept doc/etc/emailrelay.conf.template 644 $(SYSCONFDIR)/emailrelay.conf
	$(TEXT) kept doc/etc/pam 644 $(PAMDIR)/emailrelay
	$(TEXT) text doc/etc/init 755 $(INITDIR)/emailrelay

install-spool:
	[ -d $(AT)$(SPOOLDIR) ] || install -d -m 775 \
	    $$([ "$$(id -u)" != 0 ] || echo -o root -g $(SPOOLGROUP)) $(AT)$(SPOOLDIR)

# The system's own sendmail: for a machine that has no other
install-mta: install
	for n in $(MTA_ALIASES); do \
		$(call alias,$(BINDIR)/spool-submit,$$n) || exit; \
	done
	install -d $(AT)$(MANDIR)/man8
	for m in $(MTA_MAN); do \
		$(call alias,$(MANDIR)/man1/spool-submit.1,$(MANDIR)/$$m) || exit; \
	done

uninstall:
	for n in $(MTA_ALIASES) $(MTA_MAN:%=$(MANDIR)/%); do \
		case $$(readlink $(AT)$$n) in *spool-submit*) rm -f $(AT)$$n ;; esac; \
	done
	rm -f $(SERVERS:%=$(AT)$(SBINDIR)/%) $(TOOLS:%=$(AT)$(BINDIR)/%) \
	    $(HELPERS:%=$(AT)$(LIBEXECDIR)/%) $(FILTERS:%=$(AT)$(LIBEXECDIR)/%) \
	    $(AT)$(LIBEXECDIR)/emailrelay-filter-copy $(AT)$(LIBEXECDIR)/examples \
	    $(ALIASES:%=$(AT)$(LIBEXECDIR)/emailrelay-%) \
	    $(ALIASES:%=$(AT)$(SBINDIR)/emailrelay-%) \
	    $(foreach m,$(MAN),$(AT)$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m))) \
	    $(MAN_ALIASES:%=$(AT)$(MANDIR)/%) $(PROGRAMS:%=$(AT)$(COMPLETIONDIR)/%) \
	    $(AT)$(INITDIR)/emailrelay $(AT)$(SYSCONFDIR)/emailrelay.conf.template
	rm -rf $(AT)$(EXAMPLESDIR) $(AT)$(DOCDIR)
	-rmdir $(AT)$(INITDIR) $(AT)$(LIBEXECDIR) 2>/dev/null

# --- a release: the same octets from the same files, in git or unpacked ---

DIST      = sluice-$(VERSION)

dist:
	doc/dist $(DIST)

clean:
	rm -rf $(DIST).tar.gz build build-clang build-fuzz \
	    $(wildcard build-debug* build-asan* build-static* build-coverage* build-lean)

.PHONY: all FORCE static-programs dynamic-helpers test-programs check asan coverage torture load bench \
	bench-plot fuzz fuzz-targets lint run install install-programs \
	install-texts install-settings install-spool install-mta uninstall \
	dist clean
.SECONDARY:

-include $(shell find $(B) -name '*.d' 2>/dev/null)
