/* What a program's thread asks of the emulator, through shim.c, and what the emulator asks of the shim. src/Interop/Shim/verbena_call.cs mirrors it. */
#ifndef VERBENA_SHIM_H
#define VERBENA_SHIM_H

#include <stdint.h>

enum verbena_call_kind {
	VERBENA_CALL_OPEN = 1,
	VERBENA_CALL_IOCTL = 2,
	VERBENA_CALL_MMAP = 3,
	VERBENA_CALL_CLOSE = 4,
};

struct verbena_call {
	int32_t kind;	   /* enum verbena_call_kind */
	int32_t file;	   /* OPEN: number of the device node; else what verbena_nic_track gave */
	int32_t thread;	   /* who asks, as gettid gives it */
	uint64_t argument; /* IOCTL: address of the header; MMAP: length in bytes */
	int64_t offset;	   /* MMAP: what the program asks for; the answer: where in the file */
	int64_t result;	   /* 0, a descriptor, or a negative errno */
};

/*
 * The signal by which the emulator's runtime stops its threads. It would be SIGRTMIN, which programs take first (timers, queues of
 * signals); this one hardly any takes.
 */
#define VERBENA_RUNTIME_SIGNAL (SIGRTMAX - 1)

uint32_t verbena_nic_serve(int count);
void verbena_nic_offer(uint32_t number, int count);
struct verbena_call *verbena_nic_wait(uint32_t number);
void verbena_nic_answer(void);
void verbena_nic_end(uint32_t number);
int verbena_nic_track(int fd, int node);
int verbena_nic_file(int fd);
void verbena_nic_work(void);
uint64_t verbena_nic_unmapped(void);

/* The functions above, for the emulator, which could look them up only with the loader's lock: a program that opens a device while it
 * loads a library holds that. */
struct verbena_nic_shim {
	uint32_t (*serve)(int count);
	void (*offer)(uint32_t number, int count);
	struct verbena_call *(*wait)(uint32_t number);
	void (*answer)(void);
	void (*end)(uint32_t number);
	int (*track)(int fd, int node);
	int (*file)(int fd);
	void (*work)(void);
	uint64_t (*unmapped)(void);
};

extern const struct verbena_nic_shim verbena_nic_shim;

#endif
