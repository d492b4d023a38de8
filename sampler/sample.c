/* Knows the layout of perf records under the attributes that perf_ring.c sets: IDENTIFIER, TID, TIME, CPU, then chain, raw, user registers and stack, cgroup. */
#include "sampler/sample.h"

#include <linux/perf_event.h>
#include <string.h>

/* Since 5.7; older headers do not have it. */
#define RECORD_CGROUP 19u

/* What stands behind every record that is no sample. */
struct trailer {
	uint32_t pid, tid;
	uint64_t time_ns;
	uint32_t cpu, reserved;
	uint64_t id;
};

/* What every sample begins with. */
struct sample_head {
	uint64_t id;
	uint32_t pid, tid;
	uint64_t time_ns;
	uint32_t cpu, reserved;
};

static const struct perf_event_header *record_header(const uint8_t *bytes, size_t size_bytes)
{
	const struct perf_event_header *header = (const struct perf_event_header *)bytes;

	if (size_bytes < sizeof(*header) || header->size < sizeof(*header) || header->size > size_bytes)
		return NULL;
	return header;
}

static bool read_trailer(struct sample *sample, const uint8_t *body, size_t size_bytes)
{
	struct trailer trailer;

	if (size_bytes < sizeof(trailer))
		return false;
	memcpy(&trailer, body + size_bytes - sizeof(trailer), sizeof(trailer));
	sample->pid = (int32_t)trailer.pid;
	sample->tid = (int32_t)trailer.tid;
	sample->time_ns = trailer.time_ns;
	sample->cpu = trailer.cpu;
	sample->id = trailer.id;
	return true;
}

uint64_t sample_time(const uint8_t *bytes, size_t size_bytes, size_t *record_bytes)
{
	const struct perf_event_header *header = record_header(bytes, size_bytes);
	struct sample sample = {0};

	*record_bytes = header ? header->size : 0;
	if (!header)
		return 0;
	const uint8_t *body = bytes + sizeof(*header);
	size_t body_bytes = header->size - sizeof(*header);
	if (header->type != PERF_RECORD_SAMPLE)
		return read_trailer(&sample, body, body_bytes) ? sample.time_ns : 0;
	struct sample_head head;
	if (body_bytes < sizeof(head))
		return 0;
	memcpy(&head, body, sizeof(head));
	return head.time_ns;
}

static bool read_u64(const uint8_t *body, size_t size_bytes, size_t *at, uint64_t *value)
{
	if (size_bytes - *at < sizeof(*value))
		return false;
	memcpy(value, body + *at, sizeof(*value));
	*at += sizeof(*value);
	return true;
}

/* Registers only of tasks that are in user mode at all, and the stack of 64-bit ones is what we know. */
static bool read_user_stack(struct sample *sample, const uint8_t *body, size_t size_bytes, size_t *at)
{
	uint64_t abi, asked_bytes, copied_bytes;

	if (!read_u64(body, size_bytes, at, &abi))
		return false;
	const uint64_t *regs = (const uint64_t *)(body + *at);
	if (abi != PERF_SAMPLE_REGS_ABI_NONE) {
		if (size_bytes - *at < SAMPLE_USER_REGS * sizeof(uint64_t))
			return false;
		*at += SAMPLE_USER_REGS * sizeof(uint64_t);
	}
	if (!read_u64(body, size_bytes, at, &asked_bytes) || asked_bytes > size_bytes - *at)
		return false;
	const uint8_t *stack = body + *at;
	*at += asked_bytes;
	if (asked_bytes && (!read_u64(body, size_bytes, at, &copied_bytes) || copied_bytes > asked_bytes))
		return false;
	if (abi != PERF_SAMPLE_REGS_ABI_64 || !asked_bytes)
		return true;
	sample->user_regs = regs;
	sample->user_stack = stack;
	sample->user_stack_bytes = copied_bytes;
	sample->is_user_stack_full = copied_bytes == asked_bytes;
	return true;
}

static bool decode_probe(struct sample *sample, const uint8_t *body, size_t size_bytes, sample_parts_of *parts_of,
			 void *context)
{
	struct sample_head head;
	size_t at = sizeof(head);
	uint32_t raw_bytes;

	if (size_bytes < sizeof(head))
		return false;
	memcpy(&head, body, sizeof(head));
	sample->id = head.id;
	sample->pid = (int32_t)head.pid;
	sample->tid = (int32_t)head.tid;
	sample->time_ns = head.time_ns;
	sample->cpu = head.cpu;
	unsigned int parts = parts_of(context, head.id);
	if (parts & SAMPLE_WITH_CHAIN) {
		uint64_t count;

		if (size_bytes - at < sizeof(count))
			return false;
		memcpy(&count, body + at, sizeof(count));
		at += sizeof(count);
		if (count > (size_bytes - at) / sizeof(uint64_t))
			return false;
		sample->chain = (const uint64_t *)(body + at);
		sample->chain_count = count;
		at += count * sizeof(uint64_t);
	}
	if (size_bytes - at < sizeof(raw_bytes))
		return false;
	memcpy(&raw_bytes, body + at, sizeof(raw_bytes));
	at += sizeof(raw_bytes);
	if (raw_bytes > size_bytes - at)
		return false;
	sample->raw = body + at;
	sample->raw_bytes = raw_bytes;
	at += raw_bytes;
	if (parts & SAMPLE_WITH_STACK && !read_user_stack(sample, body, size_bytes, &at))
		return false;
	if (size_bytes - at >= sizeof(sample->cgroup))
		memcpy(&sample->cgroup, body + at, sizeof(sample->cgroup));
	return true;
}

static const char *bounded_string(const uint8_t *at, size_t size_bytes)
{
	return memchr(at, '\0', size_bytes) ? (const char *)at : NULL;
}

static bool decode_mmap2(struct sample *sample, const uint8_t *body, size_t size_bytes)
{
	struct {
		uint32_t pid, tid;
		uint64_t address, size_bytes, page_offset;
		uint32_t major, minor;
		uint64_t inode, generation;
		uint32_t prot, flags;
	} map;

	if (size_bytes < sizeof(map) + sizeof(struct trailer))
		return false;
	memcpy(&map, body, sizeof(map));
	sample->pid = (int32_t)map.pid;
	sample->tid = (int32_t)map.tid;
	sample->address = map.address;
	sample->size_bytes = map.size_bytes;
	sample->page_offset_bytes = map.page_offset;
	sample->device_major = map.major;
	sample->device_minor = map.minor;
	sample->inode = map.inode;
	sample->name = bounded_string(body + sizeof(map), size_bytes - sizeof(map) - sizeof(struct trailer));
	return sample->name;
}

static bool decode_comm(struct sample *sample, const uint8_t *body, size_t size_bytes)
{
	uint32_t ids[2];

	if (size_bytes < sizeof(ids) + sizeof(struct trailer))
		return false;
	memcpy(ids, body, sizeof(ids));
	sample->pid = (int32_t)ids[0];
	sample->tid = (int32_t)ids[1];
	sample->name = bounded_string(body + sizeof(ids), size_bytes - sizeof(ids) - sizeof(struct trailer));
	return sample->name;
}

static bool decode_cgroup(struct sample *sample, const uint8_t *body, size_t size_bytes)
{
	if (size_bytes < sizeof(sample->cgroup) + sizeof(struct trailer))
		return false;
	memcpy(&sample->cgroup, body, sizeof(sample->cgroup));
	sample->name = bounded_string(body + sizeof(sample->cgroup),
				      size_bytes - sizeof(sample->cgroup) - sizeof(struct trailer));
	return sample->name;
}

static bool decode_task(struct sample *sample, const uint8_t *body, size_t size_bytes)
{
	uint32_t ids[4]; /* pid, parent pid, tid, parent tid */

	if (size_bytes < sizeof(ids))
		return false;
	memcpy(ids, body, sizeof(ids));
	sample->pid = (int32_t)ids[0];
	sample->parent_pid = (int32_t)ids[1];
	sample->tid = (int32_t)ids[2];
	sample->parent_tid = (int32_t)ids[3];
	return true;
}

static bool decode_lost(struct sample *sample, const uint8_t *body, size_t size_bytes)
{
	uint64_t lost[2]; /* id, count */

	if (size_bytes < sizeof(lost))
		return false;
	memcpy(lost, body, sizeof(lost));
	sample->lost = lost[1];
	return true;
}

static enum sample_type decode_other(struct sample *sample, const struct perf_event_header *header, const uint8_t *body,
				     size_t size_bytes)
{
	if (!read_trailer(sample, body, size_bytes))
		return SAMPLE_OTHER;
	switch (header->type) {
	case PERF_RECORD_LOST:
		return decode_lost(sample, body, size_bytes) ? SAMPLE_LOST : SAMPLE_OTHER;
	case PERF_RECORD_COMM:
		sample->is_exec = header->misc & PERF_RECORD_MISC_COMM_EXEC;
		return decode_comm(sample, body, size_bytes) ? SAMPLE_COMM : SAMPLE_OTHER;
	case PERF_RECORD_FORK:
		return decode_task(sample, body, size_bytes) ? SAMPLE_FORK : SAMPLE_OTHER;
	case PERF_RECORD_EXIT:
		return decode_task(sample, body, size_bytes) ? SAMPLE_EXIT : SAMPLE_OTHER;
	case PERF_RECORD_MMAP2:
		return decode_mmap2(sample, body, size_bytes) ? SAMPLE_MMAP : SAMPLE_OTHER;
	case RECORD_CGROUP:
		return decode_cgroup(sample, body, size_bytes) ? SAMPLE_CGROUP : SAMPLE_OTHER;
	default:
		return SAMPLE_OTHER;
	}
}

size_t sample_decode(struct sample *sample, const uint8_t *bytes, size_t size_bytes, sample_parts_of *parts_of,
		     void *context)
{
	const struct perf_event_header *header = record_header(bytes, size_bytes);

	*sample = (struct sample){0};
	if (!header)
		return 0;
	const uint8_t *body = bytes + sizeof(*header);
	size_t body_bytes = header->size - sizeof(*header);
	if (header->type == PERF_RECORD_SAMPLE)
		sample->type = decode_probe(sample, body, body_bytes, parts_of, context) ? SAMPLE_PROBE : SAMPLE_OTHER;
	else
		sample->type = decode_other(sample, header, body, body_bytes);
	return header->size;
}
