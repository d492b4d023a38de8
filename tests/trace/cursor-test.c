/* Integers as they lie in the file: edges of varints, and reading past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "trace/cursor.h"

static const uint64_t edges[] = {0,	     1,		 0x7f,	    0x80,	0x3fff,	   0x4000,
				 UINT32_MAX, 1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX};
#define EDGES (sizeof(edges) / sizeof(*edges))

static void test_varint_round_trip(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	for (size_t i = 0; i < EDGES; i++)
		buffer_add_varint(&buffer, edges[i]);
	struct cursor cursor = cursor_over(buffer.bytes, buffer.size_bytes);
	for (size_t i = 0; i < EDGES; i++)
		assert_int_equal(cursor_varint(&cursor), edges[i]);
	assert_int_equal(cursor_left(&cursor), 0);
	assert_false(cursor.failed);
	buffer_release(&buffer);
}

static void test_zigzag_round_trip(void **state)
{
	static const int64_t values[] = {0, -1, 1, -64, 63, -65, 64, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
	struct buffer buffer = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		buffer_add_zigzag(&buffer, values[i]);
	struct cursor cursor = cursor_over(buffer.bytes, buffer.size_bytes);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		assert_true(cursor_zigzag(&cursor) == values[i]);
	assert_false(cursor.failed);
	buffer_release(&buffer);
}

static void test_varint_bytes_are_leb128(void **state)
{
	static const uint8_t wanted[] = {0xac, 0x02, 0x7f, 0x01, 0x00};
	struct buffer buffer = {0};

	(void)state;
	buffer_add_varint(&buffer, 300);
	buffer_add_zigzag(&buffer, -64);
	buffer_add_zigzag(&buffer, -1);
	buffer_add_zigzag(&buffer, 0);
	assert_int_equal(buffer.size_bytes, sizeof(wanted));
	assert_memory_equal(buffer.bytes, wanted, sizeof(wanted));
	buffer_release(&buffer);
}

static void assert_varint_fails(const void *bytes, size_t size_bytes)
{
	struct cursor cursor = cursor_over(bytes, size_bytes);

	assert_int_equal(cursor_varint(&cursor), 0);
	assert_true(cursor.failed);
	/* All that follows yields 0 and takes nothing. */
	assert_int_equal(cursor_left(&cursor), 0);
	assert_int_equal(cursor_u8(&cursor), 0);
	assert_int_equal(cursor_u32(&cursor), 0);
	assert_int_equal(cursor_zigzag(&cursor), 0);
	assert_null(cursor_bytes(&cursor, 0));
}

static void test_bad_varints(void **state)
{
	(void)state;
	assert_varint_fails("", 0);
	assert_varint_fails("\x80", 1);
	assert_varint_fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9);
	/* The tenth byte holds one bit. */
	assert_varint_fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x01", 11);
	assert_varint_fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01", 11);
	assert_varint_fails("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11);
}

static void test_overlong_varints_are_read(void **state)
{
	struct cursor cursor = cursor_over("\x85\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x07", 13);

	(void)state;
	assert_int_equal(cursor_varint(&cursor), 5);
	assert_int_equal(cursor_varint(&cursor), 0);
	assert_int_equal(cursor_varint(&cursor), 7);
	assert_false(cursor.failed);
}

static void test_bytes_and_parts_stay_inside(void **state)
{
	struct cursor cursor = cursor_over("abcdef", 6);
	struct cursor part = cursor_part(&cursor, 4);

	(void)state;
	assert_int_equal(cursor_left(&part), 4);
	assert_memory_equal(cursor_bytes(&part, 4), "abcd", 4);
	assert_null(cursor_bytes(&part, 1));
	assert_true(part.failed);
	assert_false(cursor.failed);
	assert_int_equal(cursor_u8(&cursor), 'e');
	part = cursor_part(&cursor, 2);
	assert_true(part.failed && cursor.failed);
	assert_int_equal(cursor_left(&part), 0);
	cursor = cursor_over("abcdef", 6);
	assert_null(cursor_bytes(&cursor, SIZE_MAX));
	cursor = cursor_over(NULL, 0);
	assert_int_equal(cursor_varint(&cursor), 0);
	assert_true(cursor.failed);
}

static void test_u32_is_little_endian(void **state)
{
	struct cursor cursor = cursor_over("\x01\x02\x03\x84\x05", 5);

	(void)state;
	assert_int_equal(cursor_u32(&cursor), 0x84030201);
	assert_int_equal(cursor_u32(&cursor), 0);
	assert_true(cursor.failed);
}

static void test_buffer_grows_and_is_cleared(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_add(&buffer, NULL, 0);
	assert_int_equal(buffer.size_bytes, 0);
	for (uint32_t i = 0; i < 10000; i++)
		buffer_add_u32(&buffer, i);
	assert_int_equal(buffer.size_bytes, 40000);
	struct cursor cursor = cursor_over(buffer.bytes, buffer.size_bytes);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(cursor_u32(&cursor), i);
	buffer_clear(&buffer);
	buffer_add_u8(&buffer, 7);
	assert_int_equal(buffer.size_bytes, 1);
	assert_int_equal(buffer.bytes[0], 7);
	buffer_release(&buffer);
	buffer_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_varint_round_trip),	  cmocka_unit_test(test_zigzag_round_trip),
		cmocka_unit_test(test_varint_bytes_are_leb128),	  cmocka_unit_test(test_bad_varints),
		cmocka_unit_test(test_overlong_varints_are_read), cmocka_unit_test(test_bytes_and_parts_stay_inside),
		cmocka_unit_test(test_u32_is_little_endian),	  cmocka_unit_test(test_buffer_grows_and_is_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
