# SPDX-License-Identifier: ISC
"""Mail comes in."""
import peers
from lab import AS_ROOT, Failed, row
from spools import check_spool


def receive(bench, program, work, options):
	"""work units a second through a program that gets a spool."""
	with bench.spool() as spool:
		argv = [a.replace("SPOOL", spool) for a in program]
		with bench.under_tcpserver(argv) as (_, port):
			seconds = bench.load(port, **options)
		if not options.get("greet") and not options.get("raw"):
			check_spool(spool, options["messages"], options["size"])
	return work / seconds


def receiver(bench, program, work, **options):
	return lambda: receive(bench, program, work, options)


def smtp_recv(bench):
	return [bench.ours("smtp-recv"), "--spool-dir=SPOOL"] + AS_ROOT


def against_floor(bench, work, **options):
	ours, floor = smtp_recv(bench), [bench.tool("floor"), "SPOOL"]
	return [
		("smtp-recv", receiver(bench, ours, work, **options)),
		("floor", receiver(bench, floor, work, **options)),
	]


WARMING_UP = 20         # messages, for processes that stay


def peer_receives(bench, name, messages, **options):
	options["hasty"] = peers.RECEIVERS[name].hasty
	with peers.running(bench, peers.RECEIVERS[name]) as peer:
		bench.load(peer.port, messages=WARMING_UP, **options)
		seconds = bench.load(peer.port, messages=messages, **options)
		kept, due = peer.kept(), WARMING_UP + messages
		if kept != due:
			raise Failed(f"{name} has kept {kept} messages of {due}")
	return messages / seconds


def against_peers(bench, **options):
	return [(name, lambda name=name: peer_receives(bench, name, **options),
		">= 1" if peer.durable else "")
		for name, peer in peers.RECEIVERS.items()]


@row("recv-one", "messages/s", ">= 0.9")
def recv_one(bench):
	how = {"sessions": 10, "size": 4096}
	return (against_floor(bench, 1000, messages=1000, **how) +
		against_peers(bench, messages=300, **how))


@row("recv-many", "messages/s", ">= 0.9")
def recv_many(bench):
	how = {"sessions": 10, "size": 4096, "per_connection": 100}
	return (against_floor(bench, 2000, messages=2000, **how) +
		against_peers(bench, messages=1000, **how))


def against_copy(bench, **how):
	n, mib = 4, 50
	options = {"messages": n, "size": mib << 20}
	ours, copy = smtp_recv(bench), [bench.tool("floor"), "--copy", "SPOOL"]
	return [
		("smtp-recv", receiver(bench, ours, n * mib, **options, **how)),
		("copy", receiver(bench, copy, n * mib, **options, raw=True)),
	]


@row("data-50m", "MiB/s", ">= 0.8")
def data_50m(bench):
	return against_copy(bench)


@row("bdat-50m", "MiB/s", ">= 0.9")
def bdat_50m(bench):
	return against_copy(bench, bdat=True)


@row("greeting", "connections/s")
def greeting(bench):
	return against_floor(bench, 1000, messages=1000, greet=True)
