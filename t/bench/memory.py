# SPDX-License-Identifier: ISC
"""What memory a server has: when nobody is connected, and for each connection
with nothing to do. A page that several processes have is counted once (PSS)."""
import contextlib
import os
import re
import socket
import time

import peers
from lab import AS_ROOT, Absent, Failed, row
from popping import dovecot, popa3d, pop3_serve

CONNECTIONS = 200
READ_BY_NOBODY = 1      # messages in the mailbox


# --- processes ---

def parents():
	found = {}
	for name in filter(str.isdigit, os.listdir("/proc")):
		with contextlib.suppress(OSError):
			with open(f"/proc/{name}/stat") as f:
				found[int(name)] = int(f.read().rpartition(
					")")[2].split()[1])
	return found


def offspring():
	"""All that we have started, and what they have started."""
	parent = parents()

	def is_ours(pid):
		while pid in parent:
			pid = parent[pid]
			if pid == os.getpid():
				return True
		return False
	return {pid: parent[pid] for pid in parent if is_ours(pid)}


def name_of(pid):
	with contextlib.suppress(OSError):
		with open(f"/proc/{pid}/comm") as f:
			return f.read().strip()
	return None


def servers(before):
	"""Who has come since, but for who keeps a world for them."""
	here = offspring()
	return {pid for pid, parent in here.items() if pid not in before and
		"unshare" not in (name_of(pid), name_of(parent))}


def kib(pid):
	with contextlib.suppress(OSError):
		with open(f"/proc/{pid}/smaps_rollup") as f:
			return int(re.search(r"^Pss: +(\d+)", f.read(),
				re.MULTILINE).group(1))
	return 0


def memory(before):
	"""KiB of all of them, when they have come to rest."""
	last = None
	for _ in range(100):
		pss = sum(map(kib, servers(before)))
		if pss == last:
			return pss
		last = pss
		time.sleep(0.1)
	raise Failed("its memory changes all the time")


# --- connections ---

def connect(port, hello):
	"""One that has been greeted, and has been answered once."""
	s = socket.create_connection(("127.0.0.1", port), timeout=30)
	with s.makefile("rb") as f:
		for say in (hello, None):
			line = f.readline()
			while line[3:4] == b"-":
				line = f.readline()
			if not line.startswith((b"2", b"+OK")):
				raise Failed(f"a connection was told: {line}")
			if say:
				s.sendall(say)
	return s


def weigh(bench, server, hello):
	"""KiB with nobody connected, and for each connection."""
	before = offspring()
	with contextlib.ExitStack() as stack:
		port = stack.enter_context(server(bench))
		alone = memory(before)
		for _ in range(CONNECTIONS):
			stack.enter_context(connect(port, hello))
		return alone, (memory(before) - alone) / CONNECTIONS


# --- servers: each is a context with its port ---

@contextlib.contextmanager
def under_tcpserver(bench, argv):
	with bench.spool() as spool:
		argv = [a.replace("SPOOL", spool) for a in argv]
		with bench.under_tcpserver(argv) as (_, port):
			yield port


def ours(name, *options):
	return lambda bench: under_tcpserver(bench, [bench.ours(name),
		"--spool-dir=SPOOL", *options, *AS_ROOT])


def static(name, *options):
	"""Of `make STATIC=1`, if there is one."""
	def server(bench):
		path = f"{bench.build}-static/bin/{name}"
		if not os.path.exists(path):
			raise Absent("is not built: make STATIC=1")
		return under_tcpserver(bench, [path, "--spool-dir=SPOOL",
			*options, *AS_ROOT])
	return server


def floor(bench):
	return under_tcpserver(bench, [bench.tool("floor"), "SPOOL"])


def receiver(peer):
	@contextlib.contextmanager
	def server(bench):
		with peers.running(bench, peer) as it:
			yield it.port
	return server


SMTP = b"EHLO load.example.com\r\n", [
	("smtp-recv", ours("smtp-recv")),
	("smtp-recv, static", static("smtp-recv"), ""),
	("floor", floor, ""),
	*((name, receiver(peer)) for name, peer in peers.RECEIVERS.items()
		if peer.calls),
]
POP3 = b"USER reader\r\n", [
	("pop3-serve", lambda bench: pop3_serve(bench, READ_BY_NOBODY)),
	("Dovecot", lambda bench: dovecot(bench, READ_BY_NOBODY)),
	("popa3d", lambda bench: popa3d(bench, READ_BY_NOBODY)),
]


# --- rows: two of the same measurement ---

def add_row(name, unit, protocol, which):
	hello, contenders = protocol

	def make(bench):
		def measure(who, server):
			return lambda: bench.once(("weight", who),
				lambda: weigh(bench, server, hello))[which]
		return [(who, measure(who, server), *aim)
			for who, server, *aim in contenders]
	row(name, unit, "<= 1", rounds=1)(make)


add_row("idle-server", "KiB", SMTP, 0)
add_row("idle-memory", "KiB/connection", SMTP, 1)
add_row("idle-pop-server", "KiB", POP3, 0)
add_row("idle-pop-memory", "KiB/connection", POP3, 1)
