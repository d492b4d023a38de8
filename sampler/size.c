/* Knows the letters of sizes. */
#include "sampler/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int size_parse(const char *text, uint64_t *size_bytes)
{
	static const char letters[] = "kmgt";
	unsigned int shift = 0;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*size_bytes = strtoull(text, &end, 10);
	const char *letter = *end ? strchr(letters, tolower((unsigned char)*end)) : NULL;
	if (letter) {
		shift = 10 * (unsigned int)(letter - letters + 1);
		end++;
	}
	if (errno || *end || !*size_bytes || *size_bytes > UINT64_MAX >> shift)
		return -EINVAL;
	*size_bytes <<= shift;
	return 0;
}
