/*
 * Allocates a pipe at the end of a call chain that is known, frame by frame: chains WAY|SECONDS... Built without frame pointers, so that
 * only what the files say of their frames leads back to main(). Each way has functions of its own; a number is a time to sleep.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static volatile int sink;

#ifdef CHAINS_LIBRARY
/* The library that "chains library" loads. Another one has the same code, and other names in it. */
NOINLINE static void CHAINS_LIBRARY(void (*call)(void))
{
	call();
	sink++;
}

void library_outer(void (*call)(void));
void library_outer(void (*call)(void))
{
	CHAINS_LIBRARY(call);
	sink++;
}
#else

/* Work behind each call, so that it is none at the end of its function. */
NOINLINE static void allocate(void)
{
	int ends[2];

	if (pipe(ends))
		exit(1);
	sink += ends[0];
	close(ends[0]);
	close(ends[1]);
}

NOINLINE static void plain_inner(int count)
{
	volatile char room[300];

	room[count] = 1;
	allocate();
	sink += room[count];
}

NOINLINE static void plain_outer(int count)
{
	for (int i = 0; i < count; i++) {
		plain_inner(i);
		sink++;
	}
}

static void way_plain(void)
{
	plain_outer(1);
	sink++;
}

/* Frames whose size is not known beforehand have a frame pointer all the same, and what they call does not. */
NOINLINE static void varying_inner(volatile char *room, int size)
{
	allocate();
	room[size - 1] = 2;
}

NOINLINE static void varying_outer(int size)
{
	volatile char *room = __builtin_alloca((size_t)size);

	varying_inner(room, size);
	sink += room[size - 1];
}

static void way_varying(void)
{
	varying_outer(100 + sink % 7);
	sink++;
}

/* Aligned more than the stack is. */
NOINLINE static void aligned_outer(int value)
{
	volatile _Alignas(64) int here[32];

	here[value] = value;
	allocate();
	sink += here[value];
}

static void way_aligned(void)
{
	aligned_outer(3);
	sink++;
}

NOINLINE static int deep_step(int depth)
{
	volatile int here = depth;

	if (depth)
		here += deep_step(depth - 1);
	else
		allocate();
	return here + 1;
}

static void way_deep(void)
{
	sink += deep_step(150);
}

/* More than any copy has. */
NOINLINE static int endless_step(int depth)
{
	volatile char here[256];

	here[depth % 256] = 1;
	if (depth)
		here[1] += (char)endless_step(depth - 1);
	else
		allocate();
	return here[1] + 1;
}

static void way_endless(void)
{
	sink += endless_step(1000);
}

static int callback_compare(const void *a, const void *b)
{
	if (!sink)
		allocate();
	sink++;
	return *(const int *)a - *(const int *)b;
}

static void way_callback(void)
{
	int numbers[] = {3, 1, 2};

	sink = 0;
	qsort(numbers, 3, sizeof(int), callback_compare);
	sink += numbers[0];
}

static void signal_handler(int number)
{
	allocate();
	sink += number;
}

NOINLINE static void signal_raiser(void)
{
	raise(SIGUSR1);
	sink++;
}

static void way_signal(void)
{
	signal(SIGUSR1, signal_handler);
	signal_raiser();
	sink++;
}

/* Interrupted at an instruction that nothing was called from. */
NOINLINE static void fault_maker(volatile int *nowhere)
{
	*nowhere = 1;
	sink++;
}

static void fault_handler(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	allocate();
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RDI] = (long)&sink;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = (long)&sink;
}

static void way_fault(void)
{
	struct sigaction action = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	fault_maker(NULL);
	sink++;
}

static volatile sig_atomic_t was_in_vdso;

static void vdso_handler(int number, siginfo_t *info, void *context)
{
	unsigned long ip = (unsigned long)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	unsigned long vdso = getauxval(AT_SYSINFO_EHDR);

	(void)number;
	(void)info;
	if (was_in_vdso || ip - vdso >= 8192)
		return;
	allocate();
	was_in_vdso = 1;
}

NOINLINE static void vdso_caller(void)
{
	struct timespec now;

	while (!was_in_vdso) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		sink += (int)now.tv_nsec;
	}
}

static void way_vdso(void)
{
	struct sigaction action = {.sa_sigaction = vdso_handler, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	vdso_caller();
	setitimer(ITIMER_REAL, &never, NULL);
}

NOINLINE static void thread_inner(void)
{
	allocate();
	sink++;
}

static void *thread_main(void *nothing)
{
	thread_inner();
	return nothing;
}

static void way_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, NULL))
		exit(1);
	pthread_join(thread, NULL);
}

static char self[4096];

#ifndef CHAINS_STATIC
static void *load(const char *name, void (**library_outer)(void (*)(void)))
{
	char path[4096 + 64];

	snprintf(path, sizeof(path), "%.*s/%s", (int)(strrchr(self, '/') - self), self, name);
	void *library = dlopen(path, RTLD_NOW);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*library_outer = (void (*)(void (*)(void)))dlsym(library, "library_outer");
	return library;
}

static void way_library(void)
{
	void (*library_outer)(void (*)(void));

	load("chains-library.so", &library_outer);
	library_outer(allocate);
	sink++;
}

/* Another library at the same place of the same process, whose code does the same. */
static void way_reload(void)
{
	static const char *const names[] = {"chains-library.so", "chains-second.so"};
	void (*library_outer)(void (*)(void)), (*before)(void (*)(void)) = NULL;

	for (int i = 0; i < 2; i++) {
		void *library = load(names[i], &library_outer);

		if (before && before != library_outer)
			exit(3);
		before = library_outer;
		/* In between it becomes known. */
		for (int turn = 0; turn < 103; turn++) {
			library_outer(allocate);
			if (turn < 3)
				usleep(400000);
		}
		dlclose(library);
	}
}
#endif

/* Another program with other addresses in a process of the same number. */
static void way_exec(void)
{
	execl("/proc/self/exe", "chains", "plain", "0", NULL);
	exit(1);
}

static void way_fork(void)
{
	pid_t child = fork();

	if (!child) {
		plain_outer(1);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* The file goes while it runs. */
static void way_deleted(void)
{
	if (unlink(self))
		exit(1);
	plain_outer(1);
	sink++;
}

/* From two callers by the same function at the same place of the stack, again and again. */
NOINLINE static void both_inner(void)
{
	allocate();
	sink += 7;
}

NOINLINE static void both_left(void)
{
	both_inner();
	sink += 2;
}

NOINLINE static void both_right(void)
{
	both_inner();
	sink += 3;
}

/* The same with so large a frame that what tells the callers apart is far up in the stack. */
NOINLINE static void far_inner(void)
{
	volatile char room[5000];

	room[sink & 1023] = 1;
	allocate();
	sink += room[sink & 1023];
}

NOINLINE static void far_left(void)
{
	far_inner();
	sink += 2;
}

NOINLINE static void far_right(void)
{
	far_inner();
	sink += 3;
}

NOINLINE static void take_turns(void (*left)(void), void (*right)(void))
{
	/* The first ones become known. */
	for (int i = 0; i < 3004; i++) {
		if (i % 2)
			left();
		else
			right();
		if (i < 4)
			usleep(400000);
	}
}

static void way_both(void)
{
	take_turns(both_left, both_right);
	sink++;
}

static void way_far(void)
{
	take_turns(far_left, far_right);
	sink++;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} ways[] = {
		{"plain", way_plain},	{"varying", way_varying}, {"aligned", way_aligned}, {"deep", way_deep},
		{"endless", way_endless}, {"callback", way_callback}, {"signal", way_signal}, {"fault", way_fault},
		{"vdso", way_vdso},	{"thread", way_thread},	  {"exec", way_exec},
		{"fork", way_fork},	{"deleted", way_deleted}, {"both", way_both},
		{"far", way_far},
#ifndef CHAINS_STATIC
		{"library", way_library}, {"reload", way_reload},
#endif

	};
	bool is_known = readlink("/proc/self/exe", self, sizeof(self) - 1) > 0;

	for (int arg = 1; arg < argc; arg++) {
		size_t i = 0;

		while (i < sizeof(ways) / sizeof(ways[0]) && strcmp(ways[i].name, argv[arg]))
			i++;
		if (i < sizeof(ways) / sizeof(ways[0]))
			ways[i].run();
		else
			sleep((unsigned int)atoi(argv[arg]));
	}
	return is_known ? 0 : 2;
}
#endif
