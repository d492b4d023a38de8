/* The vectors of FIPS 180-4 and lengths around the edge of a block, in base64 (made with openssl dgst -sha256 -binary |
 * base64). */
#include "report/sha256.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void expect(const char *bytes, const char *wanted)
{
	char got[SHA256_BASE64_BYTES];

	sha256_base64(bytes, strlen(bytes), got);
	assert_string_equal(got, wanted);
}

static void test_vectors(void **state)
{
	(void)state;
	expect("", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	expect("abc", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
	expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	       "JI1qYdIGOLjlwCaTDD5gOaM85Flk/yFn9uzt1BnbBsE=");
}

static void test_edges(void **state)
{
	static const struct {
		size_t size_bytes;
		const char *wanted;
	} edges[] = {
		{55, "n0OQ+NMMLdkuyfCVtl4rmumwqSWlJY4kHJ8ekQ9zQxg="},
		{56, "s1Q5pKxvCUi21vnjxq8PX1kM4g8b3nCQ73lwaG7Gc4o="},
		{63, "fT50oF19sVvOStnsBljqmOPwbu7PFrTG//LaRX3cLzQ="},
		{64, "/+BU/nrgy23GXDr5th1SCfQ5hR20PQulmXM33xVGaOs="},
		{65, "Y1NhxIu56rFBmOduqKt/GkFoXWrWKqkUbTAdTxfrCuA="},
		{119, "MeulHDE6XAgiat8Y1KNZz9/Y0ugWsT9K+VL36mWE3Ps="},
		{120, "Lz0zVDLHC1gK8Ojhs2dKfAINaDql9zqq7f3FWvkEwhw="},
		{1000, "Qe3s5C1j6Nm/UVqbppMuHCDLyfWl0TRkWttdsblzfqM="},
	};
	char *bytes = malloc(1001);

	(void)state;
	memset(bytes, 'a', 1001);
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		char got[SHA256_BASE64_BYTES];

		sha256_base64(bytes, edges[i].size_bytes, got);
		assert_string_equal(got, edges[i].wanted);
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_edges)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
