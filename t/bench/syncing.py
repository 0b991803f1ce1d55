# SPDX-License-Identifier: ISC
"""What makes a message durable: the calls for it, as strace sees them."""
import collections
import os
import re

import peers
from lab import Noted, installed, row
from receiving import smtp_recv

WAITING = {"fsync", "fdatasync", "syncfs", "sync"}      # for the disk
CALLS = WAITING | {"sync_file_range", "rename", "renameat", "renameat2",
	"link", "linkat"}
MESSAGES = 20


def strace(trace):
	return [installed("strace"), "-f", "-qq", "-y", "-s", "0", "-o", trace,
		"-e", "trace=" + ",".join(sorted(CALLS)), "-e", "signal=none"]


def count(lines, root):
	"""Calls of each kind, in the order in which they come; root is where
	they see their /."""
	counts = collections.Counter()
	for line in lines:
		m = re.match(r"\d+ +(\w+)\((?:\d+<(.*?)>)?", line)
		if not m or m[1] not in CALLS:
			continue
		kind = re.sub("at2?$", "", m[1])
		if m[1] in WAITING and m[2]:
			kind += (" directory" if os.path.isdir(root + m[2])
				else " file")
		counts[kind] += 1
	return counts


def a_message(bench, port, trace, root):
	"""Waiting calls for one of them; and all, in words."""
	bench.load(port, messages=5)
	with open(trace) as f:
		f.seek(0, os.SEEK_END)
		bench.load(port, messages=MESSAGES)
		counts = count(f, root)
	words = [f"{n / MESSAGES:g} {kind}" for kind, n in counts.items()]
	waits = sum(n for kind, n in counts.items() if kind.split()[0] in WAITING)
	return Noted(waits / MESSAGES, ", ".join(words) if waits
		else "not durable")


def ours(bench, program):
	with bench.spool() as spool:
		trace = os.path.join(spool, "trace")
		argv = [a.replace("SPOOL", spool) for a in program]
		with bench.under_tcpserver(argv, strace(trace)) as (_, port):
			return a_message(bench, port, trace, "")


def theirs(bench, name):
	trace = os.path.join(bench.work, f"trace.{name}")
	how = strace(f"/bench/trace.{name}")
	with peers.running(bench, peers.RECEIVERS[name], how) as peer:
		return a_message(bench, peer.port, trace, peer.root)


@row("fsyncs", "a message", aim=None, rounds=1)
def fsyncs(bench):
	floor = [bench.tool("floor"), "SPOOL"]
	return [
		("smtp-recv", lambda: ours(bench, smtp_recv(bench))),
		("floor", lambda: ours(bench, floor)),
	] + [(name, lambda name=name: theirs(bench, name))
		for name, peer in peers.RECEIVERS.items() if peer.calls]
