# SPDX-License-Identifier: ISC
"""Sessions with STARTTLS: who starts anew for each, and who lives long."""
import os
import subprocess

import peers
from lab import row
from receiving import smtp_recv

CLIENTS, SESSIONS = 4, 200


def certificate(bench):
	"""Options of P-256, certificate first; made when first needed."""
	cert, key = (os.path.join(bench.work, name + ".pem")
		for name in ("cert", "key"))
	if not os.path.exists(cert):
		subprocess.run(["openssl", "req", "-x509", "-newkey", "ec",
			"-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
			"-keyout", key, "-out", cert, "-days", "2",
			"-subj", "/CN=bench.example.com"],
			stdin=subprocess.DEVNULL, stderr=bench.log, check=True)
	return cert, key


def sessions(bench, port):
	return SESSIONS / bench.timed([bench.tool("tlsload"), str(port),
		str(CLIENTS), str(SESSIONS)])


def ours(bench, cert, key):
	with bench.spool() as spool:
		argv = [a.replace("SPOOL", spool) for a in smtp_recv(bench)]
		argv += [f"--server-tls={cert}", f"--tls-key={key}"]
		with bench.under_tcpserver(argv) as (_, port):
			return sessions(bench, port)


def floor(bench, cert, key):
	with bench.serving([bench.tool("tlsfloor"), cert, key]) as (_, port):
		return sessions(bench, port)


def postfix(bench):
	peer = peers.Receiver("postfix", peers.postfix_with_tls, "")
	with peers.running(bench, peer) as p:
		sessions(bench, p.port)         # its processes stay
		return sessions(bench, p.port)


@row("tls", "sessions/s", ">= 0.5")
def tls(bench):
	pair = certificate(bench)
	return [
		("smtp-recv and tls-io", lambda: ours(bench, *pair)),
		("floor: lives long", lambda: floor(bench, *pair)),
		("Postfix", lambda: postfix(bench)),
	]
