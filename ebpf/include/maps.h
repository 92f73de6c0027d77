/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Every map, its bound, and why it has that bound. */
#ifndef TAPLINE_MAPS_H
#define TAPLINE_MAPS_H

#include "abi.h"

#define MAP_UINT(name, value) int(*name)[value]
#define MAP_TYPE(name, type) typeof(type) *name

/* The only way out. The loader sets its size (default 16 MiB). */
struct {
    MAP_UINT(type, BPF_MAP_TYPE_RINGBUF);
    MAP_UINT(max_entries, 16 * 1024 * 1024);
} events SEC(".maps");

enum socket_flags {
    SOCKET_OURS = 1,      /* tapline's own, or the other end of one */
    SOCKET_ANNOUNCED = 2, /* an event_open was put into the ring */
    SOCKET_CLOSED = 4,    /* event_close is in the ring */
    SOCKET_PEER_FIN = 8,
    SOCKET_IGNORED = 16, /* the owner is not a target, as of `generation` */
    SOCKET_SNIFFED = 32, /* user space has bytes to come to a verdict with */
    SOCKET_SHED = 64,    /* this exchange is let go */
    SOCKET_HIT = 128,    /* this exchange is counted as lost */
};

/* What a socket was found to speak by ourselves; user space decides for itself. */
enum protocol {
    PROTOCOL_UNKNOWN = 0,
    PROTOCOL_HTTP1 = 1,
    PROTOCOL_REDIS = 2,
    PROTOCOL_POSTGRES = 3,
};

/* What we remember of a socket. Lives in the socket and dies with it: no bound needed. */
struct socket_state {
    u64 cookie; /* names the socket in everything we tell */
    u64 sent;
    u64 received;
    u64 connect_ns;
    u64 established_ns;
    u64 told_ns; /* an event_exchange was told; at first when we first saw bytes */
    /* The pair of turns that goes on, see lengths.h. */
    u64 started_ns;
    u64 answered_ns;
    u64 ended_ns;
    u64 request_bytes;
    u64 response_bytes;
    u64 asker; /* as bpf_get_current_pid_tgid() says it */
    /* Pairs that are over and not told, see lengths.h. */
    u64 summed_ns;
    u32 summed;
    u32 buckets[SUM_BUCKETS];
    u32 shortest_ns;
    u32 longest_ns;
    u64 looked_ns; /* when a socket that nobody knows was last looked at */
    /* For packet.bpf.c, which notices bytes by how far the connection has come. */
    u64 mover; /* who last moved bytes, as bpf_get_current_pid_tgid() says it */
    u32 sent_seq;
    u32 received_seq;
    u32 read_bytes; /* by the receiving call that goes on; 0 when there is none */
    u32 owner_tgid;
    u32 owner_tid;
    u32 generation;
    u32 verdict_generation;
    u32 announcement;
    u32 error;   /* of the socket when it was closed under its reader */
    u32 budget;  /* payload bytes this message may still copy */
    u32 capture; /* of one call, by the verdict; 0 for control.capture_max */
    u32 received_base; /* TCP sequence number of received byte 0, when `based` */
    u8 role;
    u8 mode;
    u8 protocol;
    u8 verdict_flags;
    u8 flags;
    u8 first_direction; /* both: direction + 1; 0 before the first byte */
    u8 last_direction;
    u8 undecided; /* small chunks we still follow before the protocol must show */
    u8 turns;     /* looked at without a verdict */
    u8 peeks;     /* further calls of those turns that were looked at */
    u8 based;
    u8 tls;      /* how often its bytes were looked at for TLS, or what was found (tls.h) */
    u8 tls_told; /* event_tls_io records so far */
    u8 positions; /* whether sent_seq and received_seq are known: POSITION_* */
    u8 guessed;   /* whether the message that is sent was given to its thread by guess */
    u8 governed;  /* whether it is the governor that lets the exchange go */
    /* For shed.h. */
    u32 slot;       /* in which the connection was chosen or let go */
    u16 shed_share; /* of SHARES: the chance that the exchange that goes on had to be let go */
    u8 pad[2];
};

enum { POSITION_SENT = 1, POSITION_RECEIVED = 2 };

struct {
    MAP_UINT(type, BPF_MAP_TYPE_SK_STORAGE);
    MAP_UINT(map_flags, BPF_F_NO_PREALLOC);
    MAP_TYPE(key, int);
    MAP_TYPE(value, struct socket_state);
} sockets SEC(".maps");

/* How far a thread's sendmmsg() or recvmmsg() has come. Lives in the thread and dies with it. */
struct batch {
    u64 array;
    u64 sk;
    u32 index;
    u32 pad;
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_TASK_STORAGE);
    MAP_UINT(map_flags, BPF_F_NO_PREALLOC);
    MAP_TYPE(key, int);
    MAP_TYPE(value, struct batch);
} batches SEC(".maps");

/* The same for kernels where tracing programs have no socket storage, by the address of the socket;
 * taken out when the socket goes. Full: the oldest socket is seen as a new one. The loader makes it
 * small where it is not needed. */
struct {
    MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
    MAP_UINT(max_entries, 65536);
    MAP_TYPE(key, u64);
    MAP_TYPE(value, struct socket_state);
} sockets_by_address SEC(".maps");

/* A new socket's state, because 5.10 programs have no room for it on their stack; and the last name
 * this CPU gave to a socket, for kernels that give no cookies. */
struct newborn {
    u64 names;
    struct socket_state state;
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    MAP_UINT(max_entries, 1);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, struct newborn);
} newborns SEC(".maps");

/* Connections that tapline itself opened, by tuple, so that their far end is left alone too. */
struct {
    MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
    MAP_UINT(max_entries, 1024);
    MAP_TYPE(key, struct tuple);
    MAP_TYPE(value, u8);
} own_connections SEC(".maps");

/* Processes that are not targets. Full: the oldest is traced again until user space says no. */
struct {
    MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
    MAP_UINT(max_entries, 16384);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, u8);
} ignored SEC(".maps");

/* What sockets are, by cookie; read once, then the socket itself knows. Full: the oldest is looked
 * at again when its socket asks again, and keeps what it knows when there is nothing to be found. */
struct {
    MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
    MAP_UINT(max_entries, 16384);
    MAP_TYPE(key, u64);
    MAP_TYPE(value, struct verdict);
} verdicts SEC(".maps");

/* A map of one entry, as global data is: what lies at a known address costs no lookup. */
struct control control SEC(".data.control");

/* How far the ring was filled when its reader was last woken. */
u64 woken_at SEC(".data.waking");

struct {
    MAP_UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    MAP_UINT(max_entries, 1);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, struct loss);
} losses SEC(".maps");

/* Who puts records together at the same time on one CPU: a packet may leave in the middle of a call,
 * and another one, from a softirq, in the middle of that; and since 7.0 a thread may have to wait for
 * its CPU in the middle of a call, while another one makes a call there. So many of each kind: */
enum { SCRATCHES_OF_A_KIND = 2 };
enum { SCRATCH_OF_CALLS = 0, SCRATCH_OF_PACKETS = 2, SCRATCHES = 4 };

/* A walk over an iovec array without loops, see copy.h. */
struct reading {
    u64 array;
    u64 skip; /* bytes that earlier parts of the call have filled */
    u64 left; /* bytes of the call not yet passed */
    u32 want;
    u32 copied;
    u32 len;
    u32 pad;
};

/* Where a record is put together before it goes to the ring. Twice the capture size, because the
 * verifier adds the largest offset and the largest length. */
struct scratch {
    u32 busy;
    u32 pad;
    u8 tail[2 * TAIL_MAX];
    struct reading walk;
    struct event_data event; /* and right behind it, as in the ring: */
    u8 data[2 * CAPTURE_MAX];
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    MAP_UINT(max_entries, SCRATCHES);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, struct scratch);
} scratches SEC(".maps");

INLINE struct scratch *scratch_of(u32 which)
{
    return bpf_map_lookup_elem(&scratches, &which);
}

/* Takes a scratch for oneself. An addition and a look, since kernels before 5.12 have no exchange;
 * when two come at once both may go without, and never do both have it. */
INLINE struct scratch *claim_scratch(u32 which)
{
    struct scratch *scratch = scratch_of(which);

    if (!scratch)
        return NULL;
    __sync_fetch_and_add(&scratch->busy, 1);
    if (*(volatile u32 *)&scratch->busy == 1)
        return scratch;
    __sync_fetch_and_add(&scratch->busy, -1);
    return NULL;
}

INLINE void release_scratch(struct scratch *scratch)
{
    __sync_fetch_and_add(&scratch->busy, -1);
}

struct exec_scratch {
    struct event_exec event;
    u8 env[ENV_MAX_BYTES];
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    MAP_UINT(max_entries, 1);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, struct exec_scratch);
} exec_scratches SEC(".maps");

/* Wakes the reader only when this much waits, and as much was put since it was last woken; otherwise
 * its timer finds the records. To wake somebody is an interrupt to oneself: on a virtual machine it
 * costs more than the whole call, so that one for each record would stop who is tapped. */
#define WAKE_AT_BYTES (2 * 1024 * 1024)

INLINE struct loss *my_losses(void)
{
    u32 zero = 0;
    return bpf_map_lookup_elem(&losses, &zero);
}

INLINE void count_no_state(void)
{
    struct loss *loss = my_losses();
    if (loss)
        loss->no_state += 1;
}

INLINE struct control *the_control(void)
{
    return &control;
}

/* Whether a record that goes into the ring wakes its reader, who is slow or asleep. Two that do so
 * at once do no harm. */
INLINE u64 waking(u64 waiting)
{
    if (likely(waiting <= WAKE_AT_BYTES))
        return BPF_RB_NO_WAKEUP;
    u64 filled = bpf_ringbuf_query(&events, BPF_RB_PROD_POS);
    if (filled - woken_at < WAKE_AT_BYTES)
        return BPF_RB_NO_WAKEUP;
    woken_at = filled;
    return BPF_RB_FORCE_WAKEUP;
}

INLINE bool put(void *record, u64 size, u64 waiting)
{
    return bpf_ringbuf_output(&events, record, size, waking(waiting)) == 0;
}

INLINE void count_lost(u64 size)
{
    struct loss *loss = my_losses();
    if (loss) {
        loss->events += 1;
        loss->bytes += size;
    }
}

INLINE u64 bytes_waiting(void)
{
    return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
}

/* Puts a record into the ring, or counts it as lost. Returns whether it is in. */
INLINE bool emit(void *record, u64 size)
{
    if (likely(put(record, size, bytes_waiting())))
        return true;
    count_lost(size);
    return false;
}

/* As `emit`, for a record that others could do without: the last of the ring is kept for records
 * that say how a connection began and ended, or what is lost would never be known. */
INLINE bool emit_data(void *record, u64 size, struct control *control)
{
    u64 waiting = bytes_waiting();
    if (likely(waiting <= control->data_until && put(record, size, waiting)))
        return true;
    count_lost(size);
    return false;
}

INLINE void fill_header(struct event_header *header, u16 kind, u32 size)
{
    header->kind = kind;
    header->version = ABI_VERSION;
    header->size = size;
    header->at_ns = bpf_ktime_get_ns();
}

#endif
