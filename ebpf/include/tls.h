/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What a TLS library is doing right now, and on which socket.
 *
 * A library's object (`SSL *`, `gnutls_session_t`, Go's `*tls.Conn`) says nothing of its socket. But
 * a socket that moves bytes in the same thread, or the same goroutine, while one of its calls runs
 * is its socket. Who hands encrypted bytes to and fro himself moves none then: his socket calls are
 * told with the lengths of their records, and user space finds out.
 */
#ifndef TAPLINE_TLS_H
#define TAPLINE_TLS_H

#include "announce.h"
#include "call.h"
#include "lengths.h"

/* Calls within calls: a callback that fetches something over TLS itself. */
#define TLS_FRAMES_MAX 2

/* A call of the library that has not returned. */
struct tls_frame {
    u64 stream;
    u64 stack;   /* the caller's stack pointer: finds the frame again, and stale ones */
    u64 address; /* of the plaintext */
    u64 size;    /* of it, as asked for */
    u64 moved;   /* where the call leaves how much it moved, for the `_ex` functions */
    u64 at_ns;
    u64 cookie; /* of the socket that moved bytes meanwhile */
    u8 function;
    u8 strange; /* a second socket did */
    u8 from_start; /* the handshake of the socket was seen: rustls */
    u8 pad[5];
};

struct tls_thread {
    u32 depth;
    u8 fills; /* rustls is about to read a socket into `filled` */
    u8 fills_from_start;
    u8 pad[2];
    u64 filled; /* the buffer of records that rustls read into last */
    u64 filled_cookie; /* and the socket that they came from */
    struct tls_frame frames[TLS_FRAMES_MAX];
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_TASK_STORAGE);
    MAP_UINT(map_flags, BPF_F_NO_PREALLOC);
    MAP_TYPE(key, int);
    MAP_TYPE(value, struct tls_thread);
} tls_threads SEC(".maps");

/* Goroutines change threads in the middle of a call. */
struct tls_goroutine {
    u64 g;
    u32 tgid;
    u32 pad;
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
    MAP_UINT(max_entries, 16384);
    MAP_TYPE(key, struct tls_goroutine);
    MAP_TYPE(value, struct tls_frame);
} tls_goroutines SEC(".maps");

enum tls_process { TLS_PROCESS_C = 1, TLS_PROCESS_GO = 2 };

/* Processes that were seen to call a probed function, and how their calls are found again. */
struct {
    MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
    MAP_UINT(max_entries, 8192);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, u32);
} tls_processes SEC(".maps");

/* `socket_state.tls`: below TLS_LOOKS_MAX it is how often its bytes were no record. */
enum {
    TLS_LOOKS_MAX = 12,
    TLS_NOT = 12,
    TLS_SEEN = 13,
    TLS_BOUND = 14,
    TLS_BEGUN = 15, /* like TLS_SEEN, and rustls itself read the hello */
};
/* A socket that is not bound after so many calls is not going to be. */
#define TLS_TOLD_MAX 64

struct tls_record {
    u8 type;
    u8 major;
    u8 minor;
    u8 len[2];
};

INLINE bool is_tls_record(const struct tls_record *record)
{
    return record->type >= 0x14 && record->type <= 0x17 && record->major == 3 && record->minor <= 4;
}

/* Where the bytes of the running socket call begin; 0 if that cannot be read. */
INLINE u64 first_byte(struct sock *sk, u8 direction)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct pt_regs *regs = bpf_task_pt_regs(task);
    struct buffer buffer;
    struct iovec piece;

    if (REGS_NR(regs) == NR_SENDMMSG || REGS_NR(regs) == NR_RECVMMSG)
        return 0; /* nobody carries TLS so, and finding one message passes it */
    if (!from_call(&buffer, task, regs, sk, 0, direction == DIRECTION_SENT))
        return 0;
    if (buffer.pieces == 0)
        return buffer.address;
    if (bpf_probe_read_user(&piece, sizeof(piece), (void *)buffer.address))
        return 0;
    return piece.base;
}

INLINE bool shows_tls(struct sock *sk, u8 direction)
{
    struct tls_record record;
    u64 address = first_byte(sk, direction);

    return address && !bpf_probe_read_user(&record, sizeof(record), (void *)address) &&
           is_tls_record(&record);
}

/* Bytes were received into rustls' buffer: what it finds in them is this socket's. */
INLINE void fill_records(struct sock *sk, struct socket_state *state)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct tls_thread *thread = bpf_task_storage_get(&tls_threads, task, NULL, 0);
    u8 hello[sizeof(struct tls_record) + 1]; /* with what kind of message is in the record */

    if (!thread || !thread->fills)
        return;
    u64 address = state->tls == TLS_SEEN ? first_byte(sk, DIRECTION_RECEIVED) : 0;
    if (address && !bpf_probe_read_user(hello, sizeof(hello), (void *)address) &&
        hello[0] == 0x16 && (hello[5] == 1 || hello[5] == 2))
        state->tls = TLS_BEGUN;
    thread->fills = 0;
    thread->fills_from_start = state->tls == TLS_BEGUN;
    thread->filled_cookie = state->cookie;
}

/* The goroutine whose system call runs: Go keeps it in a register that the call leaves alone. */
INLINE u64 goroutine(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
    return regs->r14;
#else
    return regs->regs[28];
#endif
}

/* The call of a library that the current thread or goroutine is in. */
INLINE struct tls_frame *running_tls_call(u32 tgid)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct tls_thread *thread = bpf_task_storage_get(&tls_threads, task, NULL, 0);

    if (thread) {
        if (thread->depth == 1)
            return &thread->frames[0];
        if (thread->depth == 2)
            return &thread->frames[1];
    }
    u32 *process = bpf_map_lookup_elem(&tls_processes, &tgid);
    if (!process || !(*process & TLS_PROCESS_GO))
        return NULL;
    struct tls_goroutine key = {.g = goroutine(bpf_task_pt_regs(task)), .tgid = tgid};
    return bpf_map_lookup_elem(&tls_goroutines, &key);
}

INLINE void tell_tls_io(struct sock *sk, struct socket_state *state, u8 direction, u32 len)
{
    u64 pid_tgid = bpf_get_current_pid_tgid();
    struct event_tls_io event;
    struct tls_record record;
    u64 address = first_byte(sk, direction);
    u64 at = 0;

    __builtin_memset(&event, 0, sizeof(event));
    fill_header(&event.header, EVENT_TLS_IO, sizeof(event));
    event.cookie = state->cookie;
    event.tgid = pid_tgid >> 32;
    event.tid = pid_tgid;
    event.len = len;
    event.direction = direction;
    event.begun = state->tls == TLS_BEGUN;
#pragma unroll
    for (u32 i = 0; i < TLS_RECORDS_MAX; i++) {
        if (!address || at + sizeof(record) > len ||
            bpf_probe_read_user(&record, sizeof(record), (void *)(address + at)) ||
            !is_tls_record(&record))
            break;
        u16 size = record.len[0] << 8 | record.len[1];
        event.records[i] = record.type == 0x17 ? size : 0;
        event.count = i + 1;
        at += sizeof(record) + size;
    }
    if (emit(&event, sizeof(event)))
        state->tls_told += 1;
}

/* The running call is about this socket. Its plaintext is told; what is on the wire is not. */
INLINE void bind_tls(struct socket_state *state, struct tls_frame *frame)
{
    u64 cookie = state->cookie;

    if (frame->cookie && frame->cookie != cookie)
        frame->strange = 1;
    frame->cookie = cookie;
    if (state->tls != TLS_BOUND) {
        state->tls = TLS_BOUND;
        forget_pair(state);
        state->mode = MODE_SILENT;
    }
}

/* Bytes moved in a socket call of the current thread. Finds the call of a TLS library that they
 * belong to. */
APART int tls_moved(struct sock *sk, struct socket_state *state, u8 direction, u32 len)
{
    struct control *control = the_control();
    u64 pid_tgid = bpf_get_current_pid_tgid();
    u32 tgid = pid_tgid >> 32;

    struct task_struct *task = bpf_get_current_task_btf();

    if ((task->flags & PF_KTHREAD) || IS_COMPAT(task))
        return 0;
    if (is_request(task) && !fd_is_socket(task, REGS_FD(bpf_task_pt_regs(task)), sk))
        return 0; /* of io_uring, which moves bytes in whatever call is under way */
    if (state->tls < TLS_LOOKS_MAX) {
        if (!shows_tls(sk, direction)) {
            state->tls += 1;
            return 0;
        }
        state->tls = TLS_SEEN;
    }
    if (control)
        announce(sk, state, pid_tgid, control->announcement);
    struct tls_frame *frame = running_tls_call(tgid);
    if (frame) {
        bind_tls(state, frame);
        return 0;
    }
    if (direction == DIRECTION_RECEIVED)
        fill_records(sk, state);
    if (state->tls != TLS_BOUND && state->tls_told < TLS_TOLD_MAX) {
        /* The first is told in any case: it says that the process has a library to look for. */
        if (state->tls_told == 0 || bpf_map_lookup_elem(&tls_processes, &tgid))
            tell_tls_io(sk, state, direction, len);
    }
    return 0;
}

#endif
