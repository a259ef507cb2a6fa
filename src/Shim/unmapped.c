/*
 * Lets the NIC work on where a program has unmapped its memory.
 *
 * The memory that a NIC works on is pinned: if the program unmaps it, the NIC goes on with its pages. Here they are gone with
 * the mapping, and the emulator's thread faults. It gets an empty page in their place, and goes on too; what the program did
 * is told. Nothing is asked or copied on the way of a frame.
 *
 * The emulator's threads go nowhere but to memory of its own, which stays, and where a program said that it has some: what is
 * not mapped there, the program has unmapped. All other faults go to whoever had SIGSEGV before, such as the .NET runtime.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim.h"

/* Below it no program has memory; a null pointer of the emulator's own is its runtime's affair. */
#define LOWEST_ADDRESS 65536

static struct sigaction before;
static uint64_t unmapped; /* where memory was last found gone; 0: nowhere */

/* The handler reads it in any thread, so it must be there without being allocated. */
static __thread int works __attribute__((tls_model("initial-exec")));

/* Puts an empty page where none is. */
static int fill(uintptr_t address)
{
	int error = errno;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *start = (void *)(address & ~(page - 1));
	void *filled = mmap(start, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	int is_there = filled != MAP_FAILED || errno == EEXIST; /* the program may have mapped it meanwhile */
	errno = error;
	return is_there;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	if (works && info->si_code == SEGV_MAPERR && address >= LOWEST_ADDRESS && fill(address))
		__atomic_store_n(&unmapped, address, __ATOMIC_RELAXED);
	else
		before.sa_sigaction(signal, info, context);
}

static void catch_faults(void)
{
	sigaction(SIGSEGV, NULL, &before);
	struct sigaction action = before; /* with its mask, and on its alternate stack */
	action.sa_sigaction = on_fault;
	if ((before.sa_flags & SA_SIGINFO) != 0) /* as that of every .NET runtime */
		sigaction(SIGSEGV, &action, NULL);
}

/* The calling thread works on the program's memory from now on, mapped or not. */
void verbena_nic_work(void)
{
	static pthread_once_t caught = PTHREAD_ONCE_INIT;
	works = 1;
	pthread_once(&caught, catch_faults);
}

/* Where memory has been found gone since this was asked last, or 0. */
uint64_t verbena_nic_unmapped(void)
{
	return __atomic_exchange_n(&unmapped, 0, __ATOMIC_RELAXED);
}
