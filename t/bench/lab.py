# SPDX-License-Identifier: ISC
"""What a row of the bench works with: programs, servers, spools."""
import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TIME_LIMIT = 300        # seconds for a program
AS_ROOT = ["--user=root"] if os.geteuid() == 0 else []


class Failed(Exception):
	"""The figure would be worth nothing."""


class Absent(Exception):
	"""Somebody else's program cannot be measured; why."""


class Noted(float):
	"""A figure that has something to be said about it."""
	def __new__(cls, value, note):
		self = super().__new__(cls, value)
		self.note = note
		return self


def progress(text):
	if sys.stderr.isatty():
		sys.stderr.write("\r\033[K" + text)
		sys.stderr.flush()


def installed(name):
	path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
	if not path:
		raise Absent(f"{name} is not installed")
	return path


# --- programs ---

class Bench:
	def __init__(self, build):
		self.build = os.path.abspath(build)
		self.work = tempfile.mkdtemp(prefix="bench.", dir=self.build)
		self.log = open(os.path.join(self.work, "log"), "w+b")
		self.world = None
		self.made = {}          # what takes long and stays: see once()
		self.stack = contextlib.ExitStack()     # until the end
		# whoever started us may be a super-server's child
		self.env = {k: v for k, v in os.environ.items() if not
			re.match("PROTO$|TCP|RELAYCLIENT|DATABYTES|REMOTE_", k)}
		self.env["PATH"] += ":/usr/sbin:/sbin"

	def close(self):
		progress("cleaning up")
		self.stack.close()
		self.log.close()
		shutil.rmtree(self.work, ignore_errors=True)
		progress("")

	def once(self, key, make):
		"""What make() gives; it is called when first needed."""
		if key not in self.made:
			self.made[key] = make()
		return self.made[key]

	def directory(self, prefix):
		return tempfile.mkdtemp(prefix=prefix, dir=self.work)

	def ours(self, name):
		return os.path.join(self.build, "bin", name)

	def tool(self, name):
		return os.path.join(self.build, "t", "bench", name)

	def complaint(self):
		"""The last that anybody has said on stderr."""
		self.log.seek(0)
		lines = self.log.read().decode(errors="replace").splitlines()
		return "\n".join("  " + line for line in lines[-10:])

	def run(self, argv, status=0, **how):
		"""Run it to its end: what it has printed, and the seconds."""
		how.setdefault("stdout", subprocess.PIPE)
		os.sync()
		before = time.perf_counter()
		done = subprocess.run(argv, stdin=subprocess.DEVNULL,
			stderr=self.log, env=self.env, timeout=TIME_LIMIT,
			**how)
		seconds = time.perf_counter() - before
		if done.returncode != status:
			raise Failed(f"{argv[0]}: exit status "
				f"{done.returncode}")
		return (done.stdout or b"").decode(), seconds

	@contextlib.contextmanager
	def started(self, argv):
		p = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
			stdout=subprocess.PIPE, stderr=self.log, env=self.env,
			start_new_session=True)
		try:
			yield p
		finally:
			stop(p)
			p.stdout.close()

	@contextlib.contextmanager
	def serving(self, argv):
		"""Gives process and port; it prints the port first."""
		with self.started(argv) as p:
			select.select([p.stdout], [], [], 10)
			line = p.stdout.readline() if p.poll() is None else b""
			if not line.strip().isdigit():
				raise Failed(f"{argv[0]} does not start")
			yield p, int(line)

	def under_tcpserver(self, argv, before=()):
		return self.serving([*before, installed("tcpserver"), "-1", "-RH", "-l",
			"localhost", "-c", "200", "127.0.0.1", "0"] + argv)

	@contextlib.contextmanager
	def spool(self):
		"""One with many files stays until the end: without a journal
		ext4 looks, for each new file, at all the inodes that were
		given back within some minutes, which takes longer than the
		rest of our work."""
		path = self.directory("spool.")
		yield path
		if len(os.listdir(path)) < 100:
			shutil.rmtree(path)

	def load(self, port, **options):
		"""Its seconds."""
		argv = [self.tool("load"), f"--port={port}"]
		for name, value in options.items():
			name = "--" + name.replace("_", "-")
			if value is True:
				argv.append(name)
			elif value is not False:
				argv.append(f"{name}={value}")
		return self.timed(argv)

	def timed(self, argv):
		"""The seconds that a load program says it has taken."""
		out, _ = self.run(argv)
		return float(re.search(r" in ([\d.]+) s,", out).group(1))


def stop(p):
	"""A process that we have started as the leader of its group."""
	if p.poll() is None:
		os.killpg(p.pid, signal.SIGTERM)
	try:
		p.wait(10)
	except subprocess.TimeoutExpired:
		os.killpg(p.pid, signal.SIGKILL)
		p.wait()


# --- who is measured ---

class Point(str):
	"""Whose figure it is, and for how many of what there is."""
	def __new__(cls, series, n):
		p = super().__new__(cls, f"{series}, {words(n)}")
		p.series, p.n = series, n
		return p


def words(n):
	for unit, name in ((1 << 20, " Mi"), (1 << 10, " Ki")):
		if n >= unit and n % unit == 0:
			return f"{n // unit}{name}"
	return f"{n:,}"


# --- rows: (what is compared, a function that measures it once[, what the ratio
# is to be, if that is not the row's aim]), ours first ---

ROWS = {}
ON_REQUEST = set()      # names of those that take too long for everybody


def row(name, unit, aim="", rounds=None, on_request=False):
	"""With aim None there are no ratios. No more rounds than that, if one
	is as good as five."""
	def add(make):
		ROWS[name] = (unit, aim, rounds, make)
		if on_request:
			ON_REQUEST.add(name)
		return make
	return add
