/* SPDX-License-Identifier: ISC */
/*
 * NAME FILE...: a fuzz target without a fuzzer, with these inputs, in TAP. Each
 * test has its line before it begins: the last one is the one that crashed.
 */
#include "fuzz.h"

static bool
slurp(struct buf *text, const char *path)
{
	FILE *f = fopen(path, "re");
	char block[4096];
	size_t n;
	bool ok;

	buf_clear(text);
	if (!f)
		return false;
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(text, block, n);
	ok = !ferror(f);
	fclose(f);
	return ok;
}

static void
replay(const struct buf *text)
{
	/* a block of its own, so that reading behind it is seen */
	uint8_t *copy = need_memory(text->n ? text->n : 1);

	memcpy(copy, buf_text(text), text->n);
	LLVMFuzzerTestOneInput(copy, text->n);
	free(copy);
}

int
main(int argc, char *argv[])
{
	struct buf text = { 0 };
	int failed = 0;
	bool ok;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		printf("# %s\n", argv[i]);
		fflush(stdout);
		ok = slurp(&text, argv[i]);
		if (ok)
			replay(&text);
		failed += !ok;
		printf("%s %d - %s\n", ok ? "ok" : "not ok", i, argv[i]);
	}
	buf_free(&text);
	return failed > 0;
}
