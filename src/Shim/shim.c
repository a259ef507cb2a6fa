/*
 * Stands between a program and libc where an emulated NIC may be meant: the device nodes /dev/infiniband/uverbsN, the ioctls,
 * mmaps and reads of their descriptors, and the RDMA netlink socket. Everything else goes straight on to libc.
 *
 * Two ways lead here. In LD_PRELOAD the functions below shadow libc's in any program, and the first opening of a node loads
 * the emulator, a library of its own (VERBENA_NIC_LIBRARY). In a process that holds the emulator already, it writes their
 * addresses into the import tables of the RDMA libraries.
 *
 * A thread of the program never enters the emulator, whose runtime then need not know it: the call is handed to the one
 * thread that serves (verbena_nic_wait), and the program's thread waits for the answer, signals blocked, as in a kernel.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shim.h"

enum { MAX_DESCRIPTORS = 1 << 16, UVERBS_MAJOR = 231, UVERBS_BASE_MINOR = 192 };

#define NODE_PREFIX "/dev/infiniband/uverbs"
#define RDMA_VERBS_IOCTL 0xC0181B01ul

static struct {
	int (*open)(const char *, int, ...);
	int (*openat)(int, const char *, int, ...);
	int (*stat)(const char *, struct stat *);
	int (*lstat)(const char *, struct stat *);
	int (*fstat)(int, struct stat *);
	int (*access)(const char *, int);
	int (*ioctl)(int, unsigned long, ...);
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	ssize_t (*read)(int, void *, size_t);
	int (*close)(int);
	int (*close_range)(unsigned, unsigned, int);
	void (*closefrom)(int);
	int (*dup)(int);
	int (*dup2)(int, int);
	int (*dup3)(int, int, int);
	int (*fcntl)(int, int, ...);
	int (*socket)(int, int, int);
} libc;

static pthread_once_t libc_found = PTHREAD_ONCE_INIT;
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER; /* held by the one thread whose call is served */
static pthread_mutex_t box = PTHREAD_MUTEX_INITIALIZER;	   /* guards what follows */
static pthread_cond_t box_changed = PTHREAD_COND_INITIALIZER;
static struct verbena_call *waiting; /* the call that is being served */
static enum { POSTED, TAKEN, ANSWERED } progress;
static int devices = -1; /* device nodes that there are; -1: not looked yet */
static enum { NOBODY, STARTING, SERVING, BROKEN, LEFT_BEHIND } server;
static pid_t server_process;
static uint32_t turn; /* counts servers, so that one that ends does not disturb its successor */
static sigset_t mask_before_fork; /* of the thread that forks and holds both locks */

static uint16_t file_of[MAX_DESCRIPTORS];  /* by descriptor; 0: not the emulator's */
static uint16_t users_of[MAX_DESCRIPTORS]; /* by file: descriptors that stand for it */
static int16_t node_of[MAX_DESCRIPTORS];   /* by file: number of its device node; -1: events are read from it */

extern void __lsan_disable(void) __attribute__((weak)); /* a sanitizer's: what this thread allocates is no leak of the program's */
static int (*run_emulator)(const struct verbena_nic_shim *); /* NULL: not loaded */

static __thread int is_server; /* the serving thread's own calls are libc's */

/* A handler that closes a descriptor would wait for the lock that its own thread holds. */
static void block_signals(sigset_t *old)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, old);
}

static void before_fork(void)
{
	sigset_t old;
	block_signals(&old);
	pthread_mutex_lock(&asking);
	pthread_mutex_lock(&box);
	mask_before_fork = old;
}

static void after_fork(void)
{
	sigset_t old = mask_before_fork;
	pthread_mutex_unlock(&box);
	pthread_mutex_unlock(&asking);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* A child has none of the emulator's threads: all that it asks of a device fails, and it gets no emulator of its own before exec. */
static void in_child(void)
{
	if (server != NOBODY) {
		server = LEFT_BEHIND;
		server_process = getpid();
	}
	after_fork();
}

/* Without dlopen, which sanitizers take over, and need not be there yet when their start comes by here. */
static void find_libc(void)
{
	pthread_atfork(before_fork, after_fork, in_child);
	*(void **)&libc.open = dlsym(RTLD_NEXT, "open");
	*(void **)&libc.openat = dlsym(RTLD_NEXT, "openat");
	*(void **)&libc.stat = dlsym(RTLD_NEXT, "stat");
	*(void **)&libc.lstat = dlsym(RTLD_NEXT, "lstat");
	*(void **)&libc.fstat = dlsym(RTLD_NEXT, "fstat");
	*(void **)&libc.access = dlsym(RTLD_NEXT, "access");
	*(void **)&libc.ioctl = dlsym(RTLD_NEXT, "ioctl");
	*(void **)&libc.mmap = dlsym(RTLD_NEXT, "mmap");
	*(void **)&libc.read = dlsym(RTLD_NEXT, "read");
	*(void **)&libc.close = dlsym(RTLD_NEXT, "close");
	*(void **)&libc.close_range = dlsym(RTLD_NEXT, "close_range");
	*(void **)&libc.closefrom = dlsym(RTLD_NEXT, "closefrom");
	*(void **)&libc.dup = dlsym(RTLD_NEXT, "dup");
	*(void **)&libc.dup2 = dlsym(RTLD_NEXT, "dup2");
	*(void **)&libc.dup3 = dlsym(RTLD_NEXT, "dup3");
	*(void **)&libc.fcntl = dlsym(RTLD_NEXT, "fcntl");
	*(void **)&libc.socket = dlsym(RTLD_NEXT, "socket");
}

static inline void need_libc(void)
{
	pthread_once(&libc_found, find_libc);
}

/* Device nodes that this process has been promised, by its environment until an emulator serves. */
static int device_count(void)
{
	if (devices < 0) {
		const char *count = getenv("VERBENA_NIC_DEVICES");
		devices = count != NULL && getenv("VERBENA_NIC_LIBRARY") != NULL ? atoi(count) : 0;
	}
	return devices;
}

/* The number of the node at this path, or -1. */
static int node_at(const char *path)
{
	if (path == NULL || is_server || strncmp(path, NODE_PREFIX, sizeof(NODE_PREFIX) - 1) != 0)
		return -1;
	char *end;
	const char *digits = path + sizeof(NODE_PREFIX) - 1;
	long number = strtol(digits, &end, 10);
	return *digits >= '0' && *digits <= '9' && *end == '\0' && number < device_count() ? (int)number : -1;
}

static inline int file_at(int fd)
{
	return (unsigned)fd < MAX_DESCRIPTORS && !is_server ? __atomic_load_n(&file_of[fd], __ATOMIC_ACQUIRE) : 0;
}

/* Loads the emulator's library: here, since a program may open a device while it loads a library itself, and holds the loader's lock. */
static void load_library(void)
{
	void *library = dlopen(getenv("VERBENA_NIC_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
	void *found = library != NULL ? dlsym(library, "verbena_nic_run") : NULL;
	if (found == NULL)
		fprintf(stderr, "verbena nic: %s\n", dlerror());
	__atomic_store_n((void **)&run_emulator, found, __ATOMIC_RELEASE);
}

/* Lets the emulator serve, for as long as the process lives. */
static void *run_library(void *unused)
{
	static const int for_runtime[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT };
	sigset_t set;

	(void)unused;
	is_server = 1;
	if (__lsan_disable != NULL)
		__lsan_disable();
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(for_runtime) / sizeof(*for_runtime); i++)
		sigaddset(&set, for_runtime[i]);
	sigaddset(&set, VERBENA_RUNTIME_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	run_emulator(&verbena_nic_shim);

	pthread_mutex_lock(&box);
	if (server == STARTING)
		server = BROKEN;
	pthread_cond_broadcast(&box_changed);
	pthread_mutex_unlock(&box);
	return NULL;
}

static int is_wanted(void)
{
	return server == NOBODY && getenv("VERBENA_NIC_LIBRARY") != NULL;
}

static void start_server(void)
{
	pthread_t thread;
	server = STARTING;
	server_process = getpid();
	if (run_emulator != NULL && pthread_create(&thread, NULL, run_library, NULL) == 0)
		pthread_detach(thread);
	else
		server = BROKEN;
}

/* What would end the program may do so while the emulator starts. Signals that the program handles wait: its handlers may close a device. */
static void let_end(const sigset_t *old)
{
	static const int ending[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP };
	struct sigaction action;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		if (!sigismember(old, ending[i]) && sigaction(ending[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL)
			sigaddset(&set, ending[i]);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void say_left_behind(void)
{
	static int said;
	if (!said)
		fprintf(stderr, "verbena nic: this process was forked by one that uses the NIC; only its parent, or a program that it "
				"executes, can use it\n");
	said = 1;
}

/* True once somebody serves in this process. The box is held; old: the signals that the program itself blocks. */
static int need_server(const sigset_t *old)
{
	sigset_t blocked;
	if (is_wanted())
		start_server();
	if (server == STARTING) {
		pthread_sigmask(SIG_BLOCK, NULL, &blocked);
		let_end(old);
		while (server == STARTING)
			pthread_cond_wait(&box_changed, &box);
		pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	}
	if (server == LEFT_BEHIND)
		say_left_behind();
	return server == SERVING;
}

static int64_t ask(struct verbena_call *call)
{
	int error = errno, cancel;
	sigset_t old;

	if (is_wanted())
		load_library();
	block_signals(&old);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&asking);
	pthread_mutex_lock(&box);
	call->thread = gettid();
	call->result = -EIO;
	if (need_server(&old)) {
		waiting = call;
		progress = POSTED;
		pthread_cond_broadcast(&box_changed);
		while (progress != ANSWERED && (progress == TAKEN || server == SERVING))
			pthread_cond_wait(&box_changed, &box);
		waiting = NULL;
	}
	pthread_mutex_unlock(&box);
	pthread_mutex_unlock(&asking);
	pthread_setcancelstate(cancel, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return call->result;
}

static int answer(int64_t result)
{
	if (result < 0) {
		errno = (int)-result;
		return -1;
	}
	return (int)result;
}

static int open_node(int number)
{
	struct verbena_call call = { .kind = VERBENA_CALL_OPEN, .file = number };
	return answer(ask(&call));
}

/* A node looks like a character device that anyone may use. */
static int describe(int number, struct stat *result)
{
	int error = libc.stat("/dev/null", result);
	if (error == 0) {
		result->st_mode = S_IFCHR | 0666;
		result->st_rdev = makedev(UVERBS_MAJOR, UVERBS_BASE_MINOR + number);
	}
	return error;
}

/* The child of a vfork shares this memory, but its descriptors are its own. */
static int is_vforked(void)
{
	return server_process != getpid();
}

static void lock_box(sigset_t *old)
{
	block_signals(old);
	pthread_mutex_lock(&box);
}

static void unlock_box(const sigset_t *old)
{
	pthread_mutex_unlock(&box);
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* The last descriptor of a file is gone. Its number stays taken until the emulator, too, has forgotten the file. */
static void end_file(int file, uint32_t served)
{
	sigset_t old;
	struct verbena_call call = { .kind = VERBENA_CALL_CLOSE, .file = file };
	ask(&call);
	lock_box(&old);
	if (served == turn) /* else the number may be that of a file of the next server's */
		users_of[file] = 0;
	unlock_box(&old);
}

/* A descriptor goes; with the last one of its file the emulator hears of it. */
static void forget(int fd)
{
	sigset_t old;
	if (file_at(fd) == 0 || is_vforked())
		return;
	lock_box(&old);
	int file = file_of[fd]; /* 0: a handler has closed it meanwhile */
	uint32_t served = turn;
	__atomic_store_n(&file_of[fd], 0, __ATOMIC_RELEASE);
	int last = file != 0 && users_of[file] == 1;
	if (file != 0 && !last)
		users_of[file]--;
	unlock_box(&old);
	if (last && server != LEFT_BEHIND)
		end_file(file, served);
}

/* Another descriptor now stands for the same file. */
static int also(int from, int to)
{
	sigset_t old;
	if (file_at(from) != 0 && to >= 0 && to < MAX_DESCRIPTORS && to != from && !is_vforked()) {
		lock_box(&old);
		int file = file_of[from]; /* 0: closed meanwhile */
		if (file != 0) {
			users_of[file]++;
			__atomic_store_n(&file_of[to], (uint16_t)file, __ATOMIC_RELEASE);
		}
		unlock_box(&old);
	}
	return to;
}

static void forget_from(unsigned first, unsigned last)
{
	for (unsigned fd = first; fd <= last && fd < MAX_DESCRIPTORS; fd++)
		forget((int)fd);
}

/* ---- for the emulator ---- */

/* Begins to serve; the nodes 0 to count - 1 are there from now on. Returns the server's number, for verbena_nic_end. */
uint32_t verbena_nic_serve(int count)
{
	need_libc();
	pthread_mutex_lock(&box);
	devices = count;
	server = SERVING;
	server_process = getpid();
	uint32_t number = ++turn;
	pthread_cond_broadcast(&box_changed);
	pthread_mutex_unlock(&box);
	return number;
}

/* So many nodes are there from now on. */
void verbena_nic_offer(uint32_t number, int count)
{
	pthread_mutex_lock(&box);
	if (number == turn)
		devices = count;
	pthread_mutex_unlock(&box);
}

/* Waits for a call, which is answered before the next wait. NULL: the server has ended. */
struct verbena_call *verbena_nic_wait(uint32_t number)
{
	is_server = 1;
	pthread_mutex_lock(&box);
	while (number == turn && (waiting == NULL || progress != POSTED))
		pthread_cond_wait(&box_changed, &box);
	struct verbena_call *call = number == turn ? waiting : NULL;
	progress = call != NULL ? TAKEN : progress;
	pthread_mutex_unlock(&box);
	return call;
}

/* The call that was taken has its result. */
void verbena_nic_answer(void)
{
	pthread_mutex_lock(&box);
	progress = ANSWERED;
	pthread_cond_broadcast(&box_changed);
	pthread_mutex_unlock(&box);
}

/* Ends the server: its files are forgotten, its nodes gone. */
void verbena_nic_end(uint32_t number)
{
	pthread_mutex_lock(&box);
	if (number == turn) {
		turn++;
		devices = 0;
		server = NOBODY;
		memset(file_of, 0, sizeof(file_of));
		memset(users_of, 0, sizeof(users_of));
		pthread_cond_broadcast(&box_changed);
	}
	pthread_mutex_unlock(&box);
}

/* Makes a descriptor the emulator's: of a device node, or (-1) of events. Returns the file's number, or 0 if there are too many. */
int verbena_nic_track(int fd, int node)
{
	int file = 0;
	pthread_mutex_lock(&box);
	if ((unsigned)fd < MAX_DESCRIPTORS) {
		for (file = 1; file < MAX_DESCRIPTORS && users_of[file] != 0; file++)
			;
		file = file < MAX_DESCRIPTORS ? file : 0;
	}
	if (file != 0) {
		users_of[file] = 1;
		node_of[file] = (int16_t)node;
		__atomic_store_n(&file_of[fd], (uint16_t)file, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&box);
	return file;
}

/* The file behind a descriptor, or 0. */
int verbena_nic_file(int fd)
{
	return (unsigned)fd < MAX_DESCRIPTORS ? __atomic_load_n(&file_of[fd], __ATOMIC_ACQUIRE) : 0;
}

const struct verbena_nic_shim verbena_nic_shim = {
	.serve = verbena_nic_serve,
	.offer = verbena_nic_offer,
	.wait = verbena_nic_wait,
	.answer = verbena_nic_answer,
	.end = verbena_nic_end,
	.track = verbena_nic_track,
	.file = verbena_nic_file,
	.work = verbena_nic_work,
	.unmapped = verbena_nic_unmapped,
};

/* ---- in libc's place ---- */

static int has_mode(int flags)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

#define MODE_AFTER(last)                                                                                                       \
	mode_t mode = 0;                                                                                                       \
	if (has_mode(flags)) {                                                                                                 \
		va_list rest;                                                                                                  \
		va_start(rest, last);                                                                                          \
		mode = va_arg(rest, mode_t);                                                                                   \
		va_end(rest);                                                                                                  \
	}

int open(const char *path, int flags, ...)
{
	MODE_AFTER(flags)
	need_libc();
	int node = node_at(path);
	return node >= 0 ? open_node(node) : libc.open(path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
	MODE_AFTER(flags)
	need_libc();
	int node = node_at(path);
	return node >= 0 ? open_node(node) : libc.openat(directory, path, flags, mode);
}

int stat(const char *path, struct stat *result)
{
	need_libc();
	int node = node_at(path);
	return node >= 0 ? describe(node, result) : libc.stat(path, result);
}

int lstat(const char *path, struct stat *result)
{
	need_libc();
	int node = node_at(path);
	return node >= 0 ? describe(node, result) : libc.lstat(path, result);
}

int access(const char *path, int mode)
{
	need_libc();
	return node_at(path) >= 0 ? 0 : libc.access(path, mode);
}

int fstat(int fd, struct stat *result)
{
	need_libc();
	int file = file_at(fd);
	return file != 0 && node_of[file] >= 0 ? describe(node_of[file], result) : libc.fstat(fd, result);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list rest;
	va_start(rest, request);
	void *argument = va_arg(rest, void *);
	va_end(rest);
	need_libc();
	int file = request == RDMA_VERBS_IOCTL ? file_at(fd) : 0;
	if (file == 0)
		return libc.ioctl(fd, request, argument);
	struct verbena_call call = { .kind = VERBENA_CALL_IOCTL, .file = file, .argument = (uintptr_t)argument };
	return answer(argument != NULL ? ask(&call) : -EFAULT);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	need_libc();
	int file = (flags & MAP_ANONYMOUS) == 0 ? file_at(fd) : 0;
	if (file == 0)
		return libc.mmap(address, length, protection, flags, fd, offset);
	struct verbena_call call = { .kind = VERBENA_CALL_MMAP, .file = file, .argument = length, .offset = offset };
	int memory = answer(ask(&call));
	return memory < 0 ? MAP_FAILED : libc.mmap(address, length, protection, flags, memory, call.offset);
}

/* Once the device is gone, and with it the other end, a socket has nothing to say: a kernel says EIO. */
ssize_t read(int fd, void *buffer, size_t length)
{
	need_libc();
	if (server == LEFT_BEHIND && file_at(fd) != 0)
		return answer(-EIO); /* what comes there is for the parent */
	ssize_t result = libc.read(fd, buffer, length);
	int file = result == 0 && length > 0 ? file_at(fd) : 0;
	return file != 0 && node_of[file] < 0 ? answer(-EIO) : result;
}

int close(int fd)
{
	need_libc();
	forget(fd);
	return libc.close(fd);
}

/* With flags nothing of this process's table is closed: they close later, or a table of the caller's own, or are refused. */
int close_range(unsigned first, unsigned last, int flags)
{
	need_libc();
	if (flags == 0)
		forget_from(first, last);
	return libc.close_range != NULL ? libc.close_range(first, last, flags) : answer(-ENOSYS);
}

void closefrom(int first)
{
	need_libc();
	forget_from(first > 0 ? (unsigned)first : 0, ~0u);
	if (libc.closefrom != NULL)
		libc.closefrom(first);
}

int dup(int fd)
{
	need_libc();
	return also(fd, libc.dup(fd));
}

/* What a descriptor stood for before it was made another's copy is closed. */
static int replaced(int from, int to)
{
	if (to >= 0 && to != from)
		forget(to);
	return also(from, to);
}

int dup2(int from, int to)
{
	need_libc();
	return replaced(from, libc.dup2(from, to));
}

int dup3(int from, int to, int flags)
{
	need_libc();
	return replaced(from, libc.dup3(from, to, flags));
}

int fcntl(int fd, int command, ...)
{
	va_list rest;
	va_start(rest, command);
	void *argument = va_arg(rest, void *);
	va_end(rest);
	need_libc();
	int result = libc.fcntl(fd, command, argument);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? also(fd, result) : result;
}

/* Without RDMA netlink, libibverbs reads sysfs, where the emulated devices are. */
int socket(int domain, int type, int protocol)
{
	need_libc();
	if (domain == AF_NETLINK && protocol == NETLINK_RDMA && !is_server && device_count() > 0) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return libc.socket(domain, type, protocol);
}

/* The same functions by the other names under which programs import them. */
int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
int stat64(const char *, struct stat64 *) __attribute__((alias("stat")));
int lstat64(const char *, struct stat64 *) __attribute__((alias("lstat")));
int fstat64(int, struct stat64 *) __attribute__((alias("fstat")));
void *mmap64(void *, size_t, int, int, int, off64_t) __attribute__((alias("mmap")));
int fcntl64(int, int, ...) __attribute__((alias("fcntl")));

int __open_2(const char *path, int flags)
{
	return open(path, flags);
}

int __open64_2(const char *path, int flags)
{
	return open(path, flags);
}

/* Programs built against a glibc before 2.33. */
int __xstat(int version, const char *path, struct stat *result)
{
	(void)version;
	return stat(path, result);
}

int __xstat64(int version, const char *path, struct stat64 *result)
{
	(void)version;
	return stat64(path, result);
}

int __fxstat(int version, int fd, struct stat *result)
{
	(void)version;
	return fstat(fd, result);
}

int __fxstat64(int version, int fd, struct stat64 *result)
{
	(void)version;
	return fstat64(fd, result);
}
