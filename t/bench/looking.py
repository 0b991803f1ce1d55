# SPDX-License-Identifier: ISC
"""The spool is looked at."""
import os
import subprocess

from lab import AS_ROOT, Failed, row
from spools import MANY, crowd


def reading(bench, argv, status=0):
	return lambda: bench.run(argv, status, stdout=subprocess.DEVNULL)[1]


def names_alone(bench):
	return ("ls -f", reading(bench, ["ls", "-f", crowd(bench)]))


@row("list", "s", "<= 3")
def list_quietly(bench):
	argv = [bench.ours("spool-list"), "-q", f"--spool-dir={crowd(bench)}"]
	if bench.run(argv)[0].count("\n") != MANY:
		raise Failed("spool-list does not list everything")
	return [("spool-list -q", reading(bench, argv)), names_alone(bench)]


@row("poll-idle", "s", "<= 3")
def poll_idle(bench):
	argv = [bench.ours("smtp-send"), f"--spool-dir={crowd(bench)}",
		"--forward-to=127.0.0.1:1"] + AS_ROOT
	return [("smtp-send", reading(bench, argv, os.EX_TEMPFAIL)),
		names_alone(bench)]
