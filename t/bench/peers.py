# SPDX-License-Identifier: ISC
"""Mail servers that take mail and keep it, each as fast as it can without
losing what it has acknowledged when the power fails: no names are looked up,
no rates limited, and nothing is delivered."""
import contextlib
import glob
import os
from typing import Callable, NamedTuple

from lab import Absent, Failed
from world import free_port, wait_for_greeting, world


def write(path, text):
	with open(path, "w") as f:
		f.write(text)


# --- each: (world, its directory, the same as it sees it, port) -> its command,
# and a shell's command for its part of the world. It has kept what the pattern
# finds in its directory. ---

POSTFIX_SERVICES = """
127.0.0.1:{port} inet n - n - 250 smtpd
cleanup unix n - n - 0 cleanup
pickup unix n - n 60 1 pickup
rewrite unix - - n - - trivial-rewrite
qmgr unix n - n 300 1 qmgr
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
smtp unix - - n - - smtp
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

POSTFIX_SETTINGS = """
compatibility_level = 3.6
queue_directory = {at}/queue
data_directory = {at}/data
maillog_file = {at}/log
maillog_file_prefixes = /bench
myhostname = postfix.test
mydestination =
local_recipient_maps =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_reject_unlisted_recipient = no
in_flow_delay = 0
"""


# Its daemon alone, with the directories that it needs, is what starts soonest;
# it waits until main.cf is some seconds old.
POSTFIX_QUEUE = ("active bounce corrupt defer deferred flush hold incoming "
	"maildrop private public saved trace").split()


def postfix_command(there, path, at, port, settings):
	for name in ["data", "etc", "queue", "queue/pid"] + [
			f"queue/{name}" for name in POSTFIX_QUEUE]:
		os.mkdir(f"{path}/{name}")
	there.run(["chown", "postfix", f"{at}/data"] +
		[f"{at}/queue/{name}" for name in POSTFIX_QUEUE])
	write(f"{path}/etc/master.cf", POSTFIX_SERVICES.format(port=port))
	write(f"{path}/etc/main.cf", POSTFIX_SETTINGS.format(at=at) + settings)
	os.utime(f"{path}/etc/main.cf", (0, 0))
	return ["/usr/lib/postfix/sbin/master", "-c", f"{at}/etc", "-s"], ":"


# It goes to its queue for what the administrator wants to look at first: no
# queue manager has to be told.
def postfix(there, path, at, port):
	return postfix_command(there, path, at, port,
		"smtpd_recipient_restrictions = static:HOLD\n")


# certificate and key are in bench.work
def postfix_with_tls(there, path, at, port):
	return postfix_command(there, path, at, port, """
smtpd_tls_security_level = may
smtpd_tls_cert_file = /bench/cert.pem
smtpd_tls_key_file = /bench/key.pem
""")


def opensmtpd(_there, path, at, port):
	os.mkdir(f"{path}/spool")
	os.chmod(f"{path}/spool", 0o711)
	write(f"{path}/conf", f"""
listen on 127.0.0.1 port {port} hostname opensmtpd.test no-dsn
action keep relay host smtp://127.0.0.1:9
match from any for any action keep
""")
	spool = "/mnt/root/var/spool/smtpd"
	return (["smtpd", "-d", "-P", "mta", "-P", "mda", "-f", f"{at}/conf"],
		f"mkdir -p {spool} /mnt/root/run /mnt/root/var/lib/opensmtpd/empty"
		f" && mount --bind /mnt/root{at}/spool {spool}")


# It never waits for the disk; so the file system does it for each of its calls.
def opensmtpd_waits(there, path, at, port):
	command = opensmtpd(there, path, at, port)
	try:
		there.run(["chattr", "+S", f"{at}/spool"])
	except Failed as e:
		raise Absent("the file system knows no chattr +S") from e
	return command


EXIM_SETTINGS = """
primary_hostname = exim.test
spool_directory = {at}/spool
split_spool_directory = true
log_file_path = {at}/%slog
message_logs = false
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
queue_only = true
smtp_accept_max = 200
smtp_accept_queue = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
smtp_connect_backlog = 100
rfc1413_query_timeout = 0s
host_lookup =
tls_advertise_hosts =
keep_environment =
acl_smtp_rcpt = accept
acl_smtp_data = accept
"""


def exim(there, path, at, port):
	os.mkdir(f"{path}/spool")
	there.run(["chown", "-R", "Debian-exim:", at])
	write(f"{path}/conf", EXIM_SETTINGS.format(at=at, port=port))
	conf = "/mnt/root/etc/exim4/exim4.conf"
	return (["exim4", "-bdf"],
		f"mkdir -p /mnt/root/etc/exim4 && cp /mnt/root{at}/conf {conf}")


def mailfront(_there, path, at, port):
	for name in ("tmp", "new"):
		os.mkdir(f"{path}/{name}")
	return (["env", f"QUEUEDIR={at}", "tcpserver", "-1", "-RH", "-l",
		"localhost", "-c", "200", "127.0.0.1", str(port),
		"mailfront", "smtp", "queuedir", "accept", "add-received"], ":")


class Receiver(NamedTuple):
	package: str
	command: Callable
	kept: str
	durable: bool = True
	calls: bool = True      # it waits for the disk by calls of its own
	# After QUIT Exim gives the client 200 ms to hang up before it answers.
	hasty: bool = False


RECEIVERS = {
	"Postfix": Receiver("postfix", postfix, "queue/hold/*"),
	"OpenSMTPD: not durable": Receiver("opensmtpd", opensmtpd,
		"spool/queue/*/*", durable=False),
	"OpenSMTPD, chattr +S": Receiver("opensmtpd", opensmtpd_waits,
		"spool/queue/*/*", calls=False),
	"Exim": Receiver("exim4-daemon-light", exim, "spool/input/*/*-H",
		hasty=True),
	"mailfront": Receiver("mailfront", mailfront, "new/*"),
}


class Running(NamedTuple):
	port: int
	root: str               # where we see its /
	kept: Callable          # how many messages it has


@contextlib.contextmanager
def running(bench, peer, before=()):
	"""Running; before its command, the words of another one."""
	there, port = world(bench, peer.package), free_port()
	path, at = there.directory()
	argv, prepare = peer.command(there, path, at, port)
	with there.living([*before, *argv], prepare) as root:
		wait_for_greeting(port)
		yield Running(port, root, lambda: len(
			glob.glob(f"{path}/{peer.kept}")))
