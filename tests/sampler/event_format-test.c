/* Format texts of tracefs, as 5.10 to 6.18 write them, and records that are shorter than they say. */
#include "tests/cmocka_unit.h"

#include "sampler/event_format.h"

static const char format[] = "name: x\nID: 658\nformat:\n"
			     "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
			     "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
			     "\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"
			     "\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"
			     "\tfield:const char *path;\toffset:24;\tsize:8;\tsigned:0;\n"
			     "\tfield:__data_loc char[] name;\toffset:32;\tsize:4;\tsigned:0;\n"
			     "\tfield:unsigned long args[6];\toffset:40;\tsize:48;\tsigned:0;\n"
			     "\tfield:u64 p[64];\toffset:88;\tsize:512;\tsigned:0;\n"
			     "\tfield:char comm[16];\toffset:600;\tsize:16;\tsigned:0;\n"
			     "\tfield:u8 flag;\toffset:616;\tsize:1;\tsigned:0;\n\n"
			     "print fmt: \"name=%s\", __get_str(name)\n";

static void assert_field(const char *name, uint16_t offset_bytes, uint16_t size_bytes, bool is_data_loc)
{
	struct event_field field = event_format_field(format, name);

	if (field.offset_bytes != offset_bytes || field.size_bytes != size_bytes || field.is_data_loc != is_data_loc)
		fail_msg("%s: offset %u, size %u, data_loc %d", name, field.offset_bytes, field.size_bytes,
			 field.is_data_loc);
}

static void test_fields(void **state)
{
	(void)state;
	assert_field("common_type", 0, 2, false);
	assert_field("common_pid", 4, 4, false);
	assert_field("call_site", 8, 8, false);
	assert_field("ptr", 16, 8, false);
	assert_field("path", 24, 8, false);
	assert_field("name", 32, 4, true);
	assert_field("args", 40, 48, false);
	assert_field("p", 88, 512, false);
	assert_field("comm", 600, 16, false);
	assert_field("flag", 616, 1, false);
	/* The ends of names, types and parts of them are no fields. */
	assert_field("pid", 0, 0, false);
	assert_field("site", 0, 0, false);
	assert_field("long", 0, 0, false);
	assert_field("", 0, 0, false);
	assert_field("args[6]", 0, 0, false);
	assert_field("nam", 0, 0, false);
	assert_int_equal(event_format_field("", "ptr").size_bytes, 0);
	assert_int_equal(event_format_field("field:", "ptr").size_bytes, 0);
	assert_int_equal(event_format_field("field:u64 ptr", "ptr").size_bytes, 0);
	assert_int_equal(event_format_field("field:u64 ptr; offset:x; size:8;", "ptr").size_bytes, 0);
}

/* As numbers: 5.10 to 6.9. */
static const char numeric[] =
	"print fmt: \"%s\", (REC->gfp_flags) ? __print_flags(REC->gfp_flags, \"|\", "
	"{(unsigned long)(((((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x40u) | (( gfp_t)0x80u)) | (( gfp_t)0x400000u)))), "
	"\"GFP_KERNEL_ACCOUNT\"}, "
	"{(unsigned long)((( gfp_t)0x01u)), \"GFP_DMA\"}, {(unsigned long)((( gfp_t)0x02u)), \"__GFP_HIGHMEM\"}, "
	"{(unsigned long)((( gfp_t)0x10u)), \"__GFP_RECLAIMABLE\"}, {(unsigned long)((( gfp_t)0x01u)), \"__GFP_DMA\"}, "
	"{(unsigned long)((( gfp_t)0x04u)), \"__GFP_DMA32\"}, {(unsigned long)((( gfp_t)0x400000u)), "
	"\"__GFP_ACCOUNT\"}) : \"none\"\n";

/* Shifted: 6.18. */
static const char shifted[] =
	"print fmt: \"%s\", (REC->gfp_flags) ? __print_flags(REC->gfp_flags, \"|\", "
	"{( unsigned long)(((( gfp_t)(((((1UL))) << (10))|((((1UL))) << (11)))) | (( gfp_t)((((1UL))) << (22)))), "
	"\"GFP_KERNEL_ACCOUNT\"}, "
	"{( unsigned long)(( gfp_t)((((1UL))) << (0))), \"GFP_DMA\"}, {( unsigned long)(( gfp_t)((((1UL))) << (0))), "
	"\"__GFP_DMA\"}, "
	"{( unsigned long)(( gfp_t)((((1UL))) << (2))), \"__GFP_DMA32\"}, {( unsigned long)(( gfp_t)((((1UL))) << "
	"(4))), \"__GFP_RECLAIMABLE\"}, "
	"{( unsigned long)(( gfp_t)((((1UL))) << (22))), \"__GFP_ACCOUNT\"}, { 0, ((void *)0) } ) : \"none\"\n";

/* Shifted by names that user space does not know: 6.10 and some after it. */
static const char symbolic[] =
	"print fmt: \"%s\", (REC->gfp_flags) ? __print_flags(REC->gfp_flags, \"|\", "
	"{( unsigned long)(( gfp_t)((((1UL))) << (___GFP_DMA_BIT))), \"__GFP_DMA\"}, "
	"{( unsigned long)(( gfp_t)((((1UL))) << (___GFP_ACCOUNT_BIT))), \"__GFP_ACCOUNT\"}) : \"none\"\n";

static void test_flags(void **state)
{
	static const char *const texts[] = {numeric, shifted};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(event_format_flag(texts[i], "__GFP_DMA"), 1);
		assert_int_equal(event_format_flag(texts[i], "__GFP_DMA32"), 4);
		assert_int_equal(event_format_flag(texts[i], "__GFP_RECLAIMABLE"), 0x10);
		assert_int_equal(event_format_flag(texts[i], "__GFP_ACCOUNT"), 0x400000);
		assert_int_equal(event_format_flag(texts[i], "__GFP_NOWHERE"), 0);
		assert_int_equal(event_format_flag(texts[i], "ACCOUNT"), 0);
	}
	assert_int_equal(event_format_flag("", "__GFP_DMA"), 0);
	assert_int_equal(event_format_flag("\"__GFP_DMA\"}", "__GFP_DMA"), 0);
	assert_int_equal(event_format_flag(symbolic, "__GFP_ACCOUNT"), 0);
}

static void test_numbers(void **state)
{
	uint8_t raw[16];

	(void)state;
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(0xf0 + i);
	assert_int_equal(event_field_u64((struct event_field){.offset_bytes = 0, .size_bytes = 8}, raw, 16),
			 0xf7f6f5f4f3f2f1f0);
	assert_int_equal(event_field_u64((struct event_field){.offset_bytes = 12, .size_bytes = 4}, raw, 16),
			 0xfffefdfc);
	assert_int_equal(event_field_u64((struct event_field){.offset_bytes = 15, .size_bytes = 1}, raw, 16), 0xff);
	assert_int_equal(event_field_u64((struct event_field){.offset_bytes = 13, .size_bytes = 4}, raw, 16), 0);
	assert_int_equal(event_field_u64((struct event_field){.offset_bytes = UINT16_MAX, .size_bytes = 8}, raw, 16),
			 0);
	assert_int_equal(event_field_u64((struct event_field){.offset_bytes = 0, .size_bytes = 16}, raw, 16), 0);
	assert_int_equal(event_field_u64((struct event_field){.offset_bytes = 0, .size_bytes = 0}, raw, 16), 0);
	assert_int_equal(event_field_u64((struct event_field){.offset_bytes = 0, .size_bytes = 8}, NULL, 0), 0);
}

static const char *string_at(uint32_t length, uint32_t offset_bytes, size_t raw_bytes)
{
	static uint8_t raw[16];
	uint32_t location = length << 16 | offset_bytes;

	memcpy(raw, &location, 4);
	memcpy(raw + 4, "abc\0defg\0xyz", 12);
	return event_field_string((struct event_field){.size_bytes = 4, .is_data_loc = true}, raw, raw_bytes);
}

static void test_strings(void **state)
{
	uint32_t location = 4 << 16 | 4;

	(void)state;
	assert_string_equal(string_at(4, 4, 16), "abc");
	assert_string_equal(string_at(5, 8, 16), "defg");
	assert_string_equal(string_at(0, 4, 16), "");
	/* Without its end within its length; out of the record. */
	assert_string_equal(string_at(3, 4, 16), "");
	assert_string_equal(string_at(3, 13, 16), "");
	assert_string_equal(string_at(4, 13, 16), "");
	assert_string_equal(string_at(4, 4, 7), "");
	assert_string_equal(string_at(UINT16_MAX, UINT16_MAX, 16), "");
	assert_string_equal(string_at(4, 4, 3), "");
	/* A field that is no string. */
	assert_string_equal(event_field_string((struct event_field){.size_bytes = 4}, (const uint8_t *)&location, 4),
			    "");
	assert_string_equal(event_field_string((struct event_field){.size_bytes = 0}, NULL, 0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
