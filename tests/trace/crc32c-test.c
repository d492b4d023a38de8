/* CRC-32C against published values (RFC 3720, B.4) and against itself in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trace/crc32c.h"

static void test_known_vectors(void **state)
{
	uint8_t bytes[32];

	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
}

static void test_pieces_give_the_same(void **state)
{
	const char *text = "the quick brown fox jumps over the lazy dog";
	uint32_t whole = crc32c(0, text, strlen(text));

	(void)state;
	for (size_t cut = 0; cut <= strlen(text); cut++)
		assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, strlen(text) - cut), whole);
	/* However it is computed. */
	for (size_t cut = 0; cut <= strlen(text); cut++)
		assert_int_equal(crc32c_by_table(crc32c(0, text, cut), text + cut, strlen(text) - cut), whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_vectors),
		cmocka_unit_test(test_pieces_give_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
