/* What the .NET runtime in this library finds in libc's place, so that it gets along with a program that knows nothing of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>

#include "../Shim/shim.h"

#define INSIDE __attribute__((visibility("hidden"))) /* the rest of the program keeps libc's */

extern const char __ehdr_start INSIDE; /* where this library begins; the linker's */

/* The runtime stops its threads by SIGRTMIN, as which it gets another signal. */
INSIDE int __libc_current_sigrtmin(void)
{
	return VERBENA_RUNTIME_SIGNAL;
}

/* The runtime asks for nothing but this library. libc would wait for the loader's lock, which a program may hold that waits for us. */
INSIDE int dladdr(const void *address, Dl_info *info)
{
	(void)address;
	*info = (Dl_info){ .dli_fname = "libverbena-nic.so", .dli_fbase = (void *)&__ehdr_start };
	return 1;
}
