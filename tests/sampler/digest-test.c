/* What --only-live keeps, against a model that remembers every event. */
#include "tests/cmocka_unit.h"

#include "sampler/digest.h"
#include "tests/random.h"
#include "tests/sampler/written_trace.h"

#define SITES 6u
#define STACKS 5u
#define PLACES 400u
#define ROUNDS 60000u

/* An object that lives or waits for RCU, by its place in memory. */
struct model_object {
	struct trace_event birth;
	uint64_t serial; /* 0: nothing there */
	int32_t tid;
	bool is_pending;
};

struct model_site {
	uint64_t frees, frees_implied, frees_rcu, pending_rcu, bytes_req, sized;
	uint64_t age_sum_ns, age_min_ns, age_max_ns;
	uint64_t comms[4], freed_by[STACKS + 1];
	uint64_t live;
};

struct model {
	struct model_object objects[PLACES];
	struct model_site sites[SITES];
	uint64_t older[3];
	uint64_t events;
};

struct fixture {
	struct model model;
	struct digest digest;
	struct live_table live;
	struct written_trace *trace;
	struct process_table processes;
	struct user_file_table files;
	uint32_t comms[4]; /* numbers of names */
	uint64_t now_ns;
};

static const char *const names[] = {"", "bash", "cc1", "kworker/0:1"};

static uint64_t address_of(uint32_t place)
{
	return 0xffff888000100000 + place * 1024;
}

static void begin(struct fixture *fixture)
{
	*fixture = (struct fixture){.trace = written_trace_new(), .now_ns = 5};
	struct trace_writer *writer = fixture->trace->writer;
	for (uint32_t cache = 0; cache < 2; cache++)
		trace_writer_cache(writer, &(struct trace_cache){.object_size_bytes = 1024});
	for (uint32_t stack = 1; stack <= STACKS; stack++) {
		trace_writer_frame(writer, &(struct trace_frame){.address = stack});
		trace_writer_node(writer, &(struct trace_node){.frame = stack});
	}
	user_file_table_init(&fixture->files, writer);
	process_table_init(&fixture->processes, writer, &fixture->files);
	fixture->processes.merges_tasks = true;
	for (int32_t i = 1; i < 4; i++) {
		struct sample sample = {.type = SAMPLE_COMM, .pid = i, .tid = i, .name = names[i]};

		assert_int_equal(process_table_update(&fixture->processes, &sample), 0);
		fixture->comms[i] = process_table_task(&fixture->processes, i, i);
	}
}

static void end(struct fixture *fixture)
{
	digest_release(&fixture->digest);
	live_table_release(&fixture->live);
	process_table_release(&fixture->processes);
	user_file_table_release(&fixture->files);
	written_trace_free(fixture->trace);
}

/* Site of cache 1 or 2 and stack 0 to 2. */
static uint32_t site_of(const struct trace_event *event)
{
	return (event->cache - 1) * 3 + event->stack;
}

static void alloc(struct fixture *fixture, uint32_t place, uint64_t *seed)
{
	struct model_object *object = &fixture->model.objects[place];
	uint32_t comm = (uint32_t)random_below(seed, 4);

	/* A pending one is over, unseen. */
	if (object->serial)
		digest_forget(&fixture->digest, object->serial);
	*object = (struct model_object){.birth = {.kind = TRACE_EVENT_ALLOC,
						  .time_ns = fixture->now_ns,
						  .bytes_req = random_below(seed, 3) * 300,
						  .cpu = (uint32_t)random_below(seed, 4),
						  .task = fixture->comms[comm],
						  .stack = (uint32_t)random_below(seed, 3),
						  .cache = 1 + (uint32_t)random_below(seed, 2),
						  .gfp = 0xcc0,
						  .node = (int32_t)random_below(seed, 2) - 1},
					.tid = (int32_t)random_below(seed, 1000)};
	object->serial = digest_alloc(&fixture->digest, &object->birth, object->tid + 1, object->tid);
	assert_true(object->serial && object->serial <= PLACES);
	struct live_object live = {
		.address = address_of(place), .serial = object->serial, .time_ns = fixture->now_ns, .cache = 0};
	assert_int_equal(live_table_add(&fixture->live, &live), 0);
	fixture->model.sites[site_of(&object->birth)].live++;
	fixture->model.events++;
}

static void count_age(struct model_site *site, uint64_t age_ns)
{
	if (site->frees == 1 || age_ns < site->age_min_ns)
		site->age_min_ns = age_ns;
	if (age_ns > site->age_max_ns)
		site->age_max_ns = age_ns;
	site->age_sum_ns += age_ns;
}

static void free_one(struct fixture *fixture, uint32_t place, enum trace_event_kind kind, uint64_t *seed)
{
	struct model_object *object = &fixture->model.objects[place];
	struct model_site *site = &fixture->model.sites[site_of(&object->birth)];
	struct trace_event event = {.kind = kind,
				    .time_ns = fixture->now_ns,
				    .object = object->serial,
				    .stack = (uint32_t)random_below(seed, STACKS + 1)};

	digest_free(&fixture->digest, &event);
	fixture->model.events++;
	if (object->is_pending) {
		site->pending_rcu--;
	} else {
		site->live--;
		site->bytes_req += object->birth.bytes_req;
		site->sized += object->birth.bytes_req != 0;
		for (uint32_t i = 0; i < 4; i++)
			site->comms[i] += fixture->comms[i] == object->birth.task;
		*(kind == TRACE_EVENT_FREE_IMPLIED ? &site->frees_implied : &site->frees) += 1;
		if (kind != TRACE_EVENT_FREE_IMPLIED) {
			site->freed_by[event.stack]++;
			count_age(site, fixture->now_ns - object->birth.time_ns);
		}
	}
	if (kind == TRACE_EVENT_FREE_RCU) {
		site->frees_rcu++;
		site->pending_rcu++;
		object->is_pending = true;
		live_table_free(&fixture->live, &(struct live_free){.address = address_of(place), .is_request = true},
				&(uint64_t){0}, &(uint16_t){0});
	} else {
		object->serial = 0;
		live_table_free(&fixture->live, &(struct live_free){.address = address_of(place)}, &(uint64_t){0},
				&(uint16_t){0});
	}
}

static void step(struct fixture *fixture, uint64_t *seed)
{
	uint32_t place = (uint32_t)random_below(seed, PLACES);
	const struct model_object *object = &fixture->model.objects[place];
	uint64_t choice = random_below(seed, 10);

	fixture->now_ns += random_below(seed, 3000000);
	if (choice == 9) {
		uint32_t cache = 1 + (uint32_t)random_below(seed, 2);

		digest_free(&fixture->digest, &(struct trace_event){.kind = TRACE_EVENT_FREE_OLDER, .cache = cache});
		fixture->model.older[cache]++;
		fixture->model.events++;
	} else if (!object->serial || (object->is_pending && choice < 5)) {
		alloc(fixture, place, seed);
	} else if (object->is_pending) {
		free_one(fixture, place, TRACE_EVENT_FREE, seed);
	} else {
		free_one(fixture, place,
			 choice < 6	? TRACE_EVENT_FREE
			 : choice < 8 ? TRACE_EVENT_FREE_RCU
				      : TRACE_EVENT_FREE_IMPLIED,
			 seed);
	}
}

static uint64_t share(const struct trace_share *shares, uint32_t count, uint32_t id)
{
	uint64_t found = 0;

	for (uint32_t i = 0; i < count; i++)
		found += shares[i].id == id ? shares[i].count : 0;
	return found;
}

static void check_freed(const struct fixture *fixture, const struct trace_reader *reader, const struct trace_freed *freed)
{
	const struct model_site *site = &fixture->model.sites[(freed->cache - 1) * 3 + freed->stack];
	uint64_t allocs = 0, frees = 0, counted = 0;

	assert_int_equal(freed->frees, site->frees);
	assert_int_equal(freed->frees_implied, site->frees_implied);
	assert_int_equal(freed->frees_rcu, site->frees_rcu);
	assert_int_equal(freed->pending_rcu, site->pending_rcu);
	assert_int_equal(freed->bytes_req, site->bytes_req);
	assert_int_equal(freed->sized, site->sized);
	assert_int_equal(freed->ages.count, site->frees);
	assert_int_equal(freed->ages.sum_ns, site->age_sum_ns);
	assert_int_equal(freed->ages.min_ns, site->age_min_ns);
	assert_int_equal(freed->ages.max_ns, site->age_max_ns);
	for (uint32_t i = 0; i < TIMELINE_BUCKETS; i++) {
		allocs += freed->timeline.allocs[i];
		frees += freed->timeline.frees[i];
	}
	assert_int_equal(allocs, site->frees + site->frees_implied);
	assert_int_equal(frees, allocs);
	for (uint32_t i = 0; i < freed->comm_count; i++) {
		uint32_t name = 0;

		while (name < 4 && strcmp(names[name], trace_reader_text(reader, freed->comms[i].id)))
			name++;
		assert_in_range(name, 0, 3);
		assert_int_equal(freed->comms[i].count, site->comms[name]);
		counted += freed->comms[i].count;
	}
	assert_int_equal(counted, allocs);
	for (uint32_t stack = 0; stack <= STACKS; stack++)
		assert_int_equal(share(freed->freed_by, freed->freed_by_count, stack), site->freed_by[stack]);
	assert_int_equal(freed->other_comms + freed->other_frees, 0);
}

/* The object of the model that is at the address. */
static struct model_object *living(struct fixture *fixture, uint64_t address)
{
	struct model_object *object = &fixture->model.objects[(address - address_of(0)) / 1024];

	assert_true(object->serial && !object->is_pending);
	return object;
}

static void check_live(struct fixture *fixture, const struct trace_event *events, const struct trace_live *live, size_t count)
{
	const struct trace_reader *reader = fixture->trace->reader;

	for (size_t i = 0; i < count; i++) {
		struct model_object *object = living(fixture, live[i].address);
		const struct trace_event *event = &events[i];
		const struct trace_task *task = trace_reader_task(reader, event->task);

		assert_int_equal(live[i].object, i + 1);
		assert_int_equal(event->kind, TRACE_EVENT_ALLOC);
		assert_int_equal(event->object, i + 1);
		assert_int_equal(event->time_ns, object->birth.time_ns);
		assert_true(!i || events[i - 1].time_ns <= event->time_ns);
		assert_int_equal(event->bytes_req, object->birth.bytes_req);
		assert_int_equal(event->cpu, object->birth.cpu);
		assert_int_equal(event->stack, object->birth.stack);
		assert_int_equal(event->cache, object->birth.cache);
		assert_int_equal(event->gfp, object->birth.gfp);
		assert_int_equal(event->node, object->birth.node);
		assert_int_equal(task->pid, object->tid + 1);
		assert_int_equal(task->tid, object->tid);
		uint32_t name = 0;
		while (fixture->comms[name] != object->birth.task)
			name++;
		assert_string_equal(trace_reader_text(reader, task->comm), names[name]);
		/* Each once. */
		object->serial = 0;
	}
}

static void read_back(struct fixture *fixture)
{
	struct trace_event events[PLACES];
	struct trace_live live[PLACES];
	struct trace_record record;
	size_t event_count = 0, live_count = 0, site_count = 0;
	uint64_t older[3] = {0}, wanted_live = 0;
	int ret;

	assert_int_equal(trace_writer_end(fixture->trace->writer, fixture->now_ns, NULL), 0);
	assert_int_equal(trace_reader_new(&fixture->trace->reader, "memory", written_trace_source, fixture->trace, NULL), 0);
	while ((ret = trace_reader_next(fixture->trace->reader, &record, NULL)) > 0) {
		if (record.type == TRACE_RECORD_EVENTS)
			events[event_count++] = record.event;
		else if (record.type == TRACE_RECORD_LIVE)
			live[live_count++] = record.live;
		else if (record.type == TRACE_RECORD_FREED_OLDER)
			older[record.freed_older.cache] += record.freed_older.frees;
		else if (record.type == TRACE_RECORD_FREED && ++site_count)
			check_freed(fixture, fixture->trace->reader, &record.freed);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(trace_reader_ending(fixture->trace->reader, NULL), TRACE_ENDING_COMPLETE);
	assert_int_equal(site_count, SITES);
	for (uint32_t i = 0; i < SITES; i++)
		wanted_live += fixture->model.sites[i].live;
	assert_int_equal(event_count, wanted_live);
	assert_int_equal(live_count, wanted_live);
	check_live(fixture, events, live, live_count);
	for (uint32_t cache = 0; cache < 3; cache++)
		assert_int_equal(older[cache], fixture->model.older[cache]);
}

static void test_random_against_a_model(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	uint64_t seed = 11;

	(void)state;
	begin(fixture);
	for (uint32_t i = 0; i < ROUNDS; i++)
		step(fixture, &seed);
	assert_int_equal(fixture->digest.events, fixture->model.events);
	assert_false(fixture->digest.failed);
	/* It holds no more than there ever was at once. */
	assert_in_range(fixture->digest.object_count, 1, PLACES);
	assert_int_equal(fixture->digest.site_count, SITES);
	struct error err;
	assert_int_equal(digest_write(&fixture->digest, &fixture->live, &fixture->processes, fixture->trace->writer, &err), 0);
	read_back(fixture);
	end(fixture);
	free(fixture);
}

/* A serial that is not, or is no more: nothing is counted twice. */
static void test_unknown_serials(void **state)
{
	struct digest digest = {0};
	struct trace_event birth = {.kind = TRACE_EVENT_ALLOC, .time_ns = 5, .cache = 1, .stack = 1};
	struct trace_event death = {.kind = TRACE_EVENT_FREE, .time_ns = 9, .object = 1};

	(void)state;
	digest_free(&digest, &death);
	digest_forget(&digest, 7);
	assert_int_equal(digest_alloc(&digest, &birth, 1, 1), 1);
	digest_free(&digest, &death);
	digest_free(&digest, &death);
	digest_forget(&digest, 1);
	assert_int_equal(digest_alloc(&digest, &birth, 1, 1), 1);
	assert_int_equal(digest_alloc(&digest, &birth, 1, 1), 2);
	digest_release(&digest);
}

/* As many names as are told apart, and then one for all others; those that are known stay. */
static void test_names_are_bounded(void **state)
{
	struct written_trace *trace = written_trace_new();
	struct user_file_table files;
	struct process_table processes;
	uint32_t first = 0, number = 0;

	(void)state;
	user_file_table_init(&files, trace->writer);
	process_table_init(&processes, trace->writer, &files);
	processes.merges_tasks = true;
	for (uint32_t i = 0; i < PROCESS_COMMS_MAX + 10; i++) {
		char name[16];
		struct sample sample = {.type = SAMPLE_COMM, .pid = 7, .tid = 7, .name = name};

		snprintf(name, sizeof(name), "name-%u", i);
		assert_int_equal(process_table_update(&processes, &sample), 0);
		number = process_table_task(&processes, 7, 7);
		assert_true(number);
		if (!i)
			first = number;
	}
	assert_string_equal(process_table_comm(&processes, number), "[others]");
	assert_string_equal(process_table_comm(&processes, first), "name-0");
	assert_in_range(processes.comm_count, PROCESS_COMMS_MAX, PROCESS_COMMS_MAX + 1);
	struct sample again = {.type = SAMPLE_COMM, .pid = 8, .tid = 8, .name = "name-0"};

	process_table_update(&processes, &again);
	assert_int_equal(process_table_task(&processes, 8, 8), first);
	assert_string_equal(process_table_comm(&processes, 0), "");
	process_table_release(&processes);
	user_file_table_release(&files);
	written_trace_free(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_against_a_model),
		cmocka_unit_test(test_unknown_serials),
		cmocka_unit_test(test_names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
