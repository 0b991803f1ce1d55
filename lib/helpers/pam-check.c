/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/program.h"

/*
 * Asks PAM, as the service "emailrelay", whether a password is right and the
 * account good. The checkpassword interface: name NUL password NUL time NUL
 * on descriptor 3.
 */
enum { YES = 0, NO = 1, MISUSED = 2, LATER = 111 };
enum { MOST = 4096 };

struct question {
	char block[MOST + 1];
	const char *id;
	const char *password;
};

/* Everything from descriptor 3. */
static bool
read_block(struct question *q, size_t *n)
{
	ssize_t k;

	for (*n = 0; *n < sizeof q->block; *n += (size_t)k) {
		k = read(3, q->block + *n, sizeof q->block - *n);
		if (k == 0)
			return true;
		if (k < 0 && errno == EINTR)
			k = 0;
		else if (k < 0)
			return false;
	}
	return false;
}

/* Three strings, each with its NUL. */
static bool
take_apart(struct question *q, size_t n)
{
	const char *end = q->block + n, *nul[3], *p = q->block;

	for (int i = 0; i < 3; i++) {
		nul[i] = memchr(p, '\0', (size_t)(end - p));
		if (!nul[i])
			return false;
		p = nul[i] + 1;
	}
	q->id = q->block;
	q->password = nul[0] + 1;
	return *q->id && *q->password;
}

/* What PAM modules ask: something that is not to be seen is the password. */
static int
answer(int n, const struct pam_message **messages, struct pam_response **out,
    void *data)
{
	const struct question *q = data;
	struct pam_response *r;

	if (n <= 0 || n > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	r = calloc((size_t)n, sizeof *r);
	if (!r)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++) {
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			r[i].resp = need_copy(q->password);
		else if (messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			r[i].resp = need_copy(q->id);
	}
	*out = r;
	return PAM_SUCCESS;
}

/* Has PAM said no, or has it not been able to tell? */
static int
interpret(int result)
{
	switch (result) {
	case PAM_SUCCESS:
		return YES;
	case PAM_AUTH_ERR:
	case PAM_CRED_INSUFFICIENT:
	case PAM_USER_UNKNOWN:
	case PAM_MAXTRIES:
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_AUTHTOK_EXPIRED:
	case PAM_ACCT_EXPIRED:
	case PAM_CRED_EXPIRED:
	case PAM_PERM_DENIED:
		return NO;
	default:
		log_error("PAM cannot tell: %s", pam_strerror(NULL, result));
		return LATER;
	}
}

static int
check(struct question *q)
{
	const struct pam_conv conv = { .conv = answer, .appdata_ptr = q };
	const char *from = getenv("TCPREMOTEIP");
	pam_handle_t *pam = NULL;
	int result;

	result = pam_start("emailrelay", q->id, &conv, &pam);
	if (result == PAM_SUCCESS && from)
		result = pam_set_item(pam, PAM_RHOST, from);
	if (result == PAM_SUCCESS)
		result = pam_authenticate(pam,
		    PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	if (result == PAM_SUCCESS)
		result = pam_acct_mgmt(pam,
		    PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	if (!pam) {
		log_error("PAM cannot be started");
		return LATER;
	}
	pam_end(pam, result);
	return interpret(result);
}

int
main(void)
{
	struct question q;
	size_t n;
	int status = MISUSED;

	program_start(false);
	log_open("pam-check", "sluice/pam-check");
	if (read_block(&q, &n) && take_apart(&q, n))
		status = check(&q);
	explicit_bzero(&q, sizeof q);
	return status;
}
