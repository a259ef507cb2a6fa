/* A program that drives one receive and one send queue by libmlx5's verbs, as fast as C can: what the driver is held against. */
#include <infiniband/verbs.h>
#include <stdint.h>
#include <stdlib.h>

struct replay_packet {
    uint8_t *data;
    uint32_t length;
};

enum { MAX_BATCH = 256, REFILL_BATCH = 64, REAP_BATCH = 16 };

struct replay {
    struct ibv_wq *receive;
    struct ibv_cq *received;
    struct ibv_qp *send;
    struct ibv_cq *sent;
    uint32_t queue_size;
    uint32_t posted;
    uint32_t first_sent; /* both run freely; the low bits index `sending` */
    uint32_t next_sent;
    uint32_t free_count;
    uint8_t **free;    /* a stack: the buffer that came back last is taken first */
    uint8_t **sending; /* a ring, in the order of sending */
    struct ibv_wc completions[MAX_BATCH];
    struct ibv_recv_wr receives[REFILL_BATCH];
    struct ibv_sge places[REFILL_BATCH];
    struct ibv_send_wr sends[MAX_BATCH];
    struct ibv_sge pieces[MAX_BATCH];
};

/* The program owns the buffers from now on: `count` of them, `stride_bytes` apart, from `memory` on. Each queue holds
   `queue_size` requests, a power of two, and has been used for nothing. Null: no memory. */
struct replay *replay_create(struct ibv_wq *receive, struct ibv_cq *received, struct ibv_qp *send, struct ibv_cq *sent,
                             uint8_t *memory, uint32_t count, uint32_t stride_bytes, uint32_t buffer_bytes, uint32_t receive_key,
                             uint32_t send_key, uint32_t queue_size)
{
    struct replay *program = calloc(1, sizeof *program);
    uint8_t **free_buffers = calloc(count, sizeof *free_buffers);
    uint8_t **sending = calloc(queue_size, sizeof *sending);
    if (!program || !free_buffers || !sending) {
        free(program);
        free(free_buffers);
        free(sending);
        return NULL;
    }

    program->receive = receive;
    program->received = received;
    program->send = send;
    program->sent = sent;
    program->queue_size = queue_size;
    program->free = free_buffers;
    program->sending = sending;
    for (; program->free_count < count; program->free_count++)
        program->free[program->free_count] = memory + (size_t)program->free_count * stride_bytes;

    for (int i = 0; i < REFILL_BATCH; i++) {
        program->places[i] = (struct ibv_sge){.length = buffer_bytes, .lkey = receive_key};
        program->receives[i].sg_list = &program->places[i];
        program->receives[i].num_sge = 1;
        program->receives[i].next = i + 1 < REFILL_BATCH ? &program->receives[i + 1] : NULL;
    }

    for (int i = 0; i < MAX_BATCH; i++) {
        program->pieces[i].lkey = send_key;
        program->sends[i].sg_list = &program->pieces[i];
        program->sends[i].num_sge = 1;
        program->sends[i].opcode = IBV_WR_SEND;
        program->sends[i].next = i + 1 < MAX_BATCH ? &program->sends[i + 1] : NULL;
    }

    return program;
}

/* The queues must be gone. */
void replay_destroy(struct replay *program)
{
    free(program->free);
    free(program->sending);
    free(program);
}

static int refill(struct replay *program)
{
    while (program->queue_size - program->posted >= REFILL_BATCH && program->free_count >= REFILL_BATCH) {
        program->free_count -= REFILL_BATCH;
        uint8_t **taken = &program->free[program->free_count];
        for (int i = 0; i < REFILL_BATCH; i++) {
            program->places[i].addr = (uintptr_t)taken[i];
            program->receives[i].wr_id = (uintptr_t)taken[i];
        }

        struct ibv_recv_wr *refused;
        if (ibv_post_wq_recv(program->receive, program->receives, &refused))
            return -1;
        program->posted += REFILL_BATCH;
    }

    return 0;
}

/* Receives up to `max` packets in batches, until there are no more; posts new buffers. Returns how many, or -1 at an error. */
int replay_receive(struct replay *program, struct replay_packet *packets, int max, int batch)
{
    int total = 0;
    while (total < max) {
        int count = ibv_poll_cq(program->received, batch, program->completions);
        if (count < 0)
            return -1;
        for (int i = 0; i < count; i++) {
            const struct ibv_wc *completion = &program->completions[i];
            if (completion->status != IBV_WC_SUCCESS)
                return -1;
            packets[total + i] = (struct replay_packet){(uint8_t *)completion->wr_id, completion->byte_len};
        }

        program->posted -= count;
        total += count;
        if (refill(program))
            return -1;
        if (count == 0)
            break;
    }

    return total;
}

/* A completion's wr_id is the running count of buffers up to the last one of its batch. */
static int reap(struct replay *program)
{
    struct ibv_wc completions[REAP_BATCH];
    int count = ibv_poll_cq(program->sent, REAP_BATCH, completions);
    for (int i = 0; i < count; i++) {
        if (completions[i].status != IBV_WC_SUCCESS)
            return -1;
        for (; program->first_sent != (uint32_t)completions[i].wr_id; program->first_sent++)
            program->free[program->free_count++] = program->sending[program->first_sent & (program->queue_size - 1)];
    }

    return count;
}

static int send_batch(struct replay *program, const struct replay_packet *packets, int count)
{
    struct ibv_send_wr *last = &program->sends[count - 1];
    struct ibv_send_wr *next = last->next;
    for (int i = 0; i < count; i++) {
        program->pieces[i].addr = (uintptr_t)packets[i].data;
        program->pieces[i].length = packets[i].length;
        program->sending[program->next_sent++ & (program->queue_size - 1)] = packets[i].data;
    }

    last->next = NULL;
    last->send_flags = IBV_SEND_SIGNALED;
    last->wr_id = program->next_sent;
    struct ibv_send_wr *refused;
    int result = ibv_post_send(program->send, program->sends, &refused);
    last->next = next;
    last->send_flags = 0;
    return result;
}

/* Sends packets in batches, one completion each, and takes back the buffers of those sent. Returns how many, or -1 at an error. */
int replay_send(struct replay *program, const struct replay_packet *packets, int count, int batch)
{
    for (int sent = 0; sent < count; sent += batch) {
        int size = count - sent < batch ? count - sent : batch;
        if (reap(program) < 0 || send_batch(program, packets + sent, size))
            return -1;
    }

    return count;
}
