# SPDX-License-Identifier: ISC
"""The spool is looked at."""
import os
import subprocess

from lab import AS_ROOT, Failed, row
from spools import deferred


def reading(bench, argv, status=0):
	return lambda: bench.run(argv, status, stdout=subprocess.DEVNULL)[1]


def names_alone(bench, n):
	return ("ls -f", reading(bench, ["ls", "-f", deferred(bench, n)]))


def add_rows(suffix, n, **how):
	@row("list" + suffix, "s", "<= 3", **how)
	def _(bench):
		argv = [bench.ours("spool-list"), "-q",
			f"--spool-dir={deferred(bench, n)}"]
		if bench.run(argv)[0].count("\n") != n:
			raise Failed("spool-list does not list everything")
		return [("spool-list -q", reading(bench, argv)),
			names_alone(bench, n)]

	@row("poll-idle" + suffix, "s", "<= 3", **how)
	def _(bench):
		argv = [bench.ours("smtp-send"),
			f"--spool-dir={deferred(bench, n)}",
			"--forward-to=127.0.0.1:1"] + AS_ROOT
		return [("smtp-send", reading(bench, argv, os.EX_TEMPFAIL)),
			names_alone(bench, n)]


add_rows("", 100_000)
# 8 GiB, and minutes to make it
add_rows("-1m", 1_000_000, on_request=True)
