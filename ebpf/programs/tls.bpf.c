/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Plaintext, where a TLS library takes and gives it.
 *
 *   hook                                     since  emits
 *   uprobe.multi, at entry (tls_enter)       6.6    event_tls_end
 *   uprobe.multi, at return (tls_return)     6.6    event_tls_data
 *   uprobe.multi, at entry (rust_enter)      6.6    event_tls_data, for what is read
 *   uprobe.multi, at return (rust_return)    6.6    event_tls_data, for what is written
 *   uprobe.multi, at entry (go_enter)        6.6    event_tls_data, for what is written
 *   uprobe.multi, at every RET (go_return)   6.6    event_tls_data, for what is read
 *
 * Which function it is stands in the cookie of the attachment. Go's stacks move, so that a return
 * address must not be touched there: its returns are probed one by one.
 *
 * rustls reads and writes no sockets while it takes and gives plaintext, and its objects move and end
 * unheard of. But what it decrypts it has just read, in the same thread: that binds.
 *
 * Runs in the calling task and may be preempted: what is per CPU is claimed, not assumed.
 */
#include "tls.h"

enum tls_function {
    TLS_READ = 1,     /* (object, buffer, size) -> bytes */
    TLS_WRITE = 2,    /* (object, buffer, size) -> bytes */
    TLS_READ_EX = 3,  /* (object, buffer, size, *bytes) -> 1 */
    TLS_WRITE_EX = 4, /* (object, buffer, size, *bytes) -> 1 */
    TLS_HANDSHAKE = 5, /* (object, ...) */
    TLS_FREE = 6,      /* (object) */
    TLS_RUST_FILL = 7, /* (buffer of records, ...) */
    TLS_RUST_READ = 8, /* (object, *(?, address, bytes)) */
    TLS_RUST_WRITE = 9, /* (object, *chunks, ...) -> bytes */
};

#if defined(__TARGET_ARCH_x86)
#define C_ARG1(at) ((at)->di)
#define C_ARG2(at) ((at)->si)
#define C_ARG3(at) ((at)->dx)
#define C_ARG4(at) ((at)->cx)
#define C_RESULT(at) ((at)->ax)
#define STACK(at) ((at)->sp)
#define STACK_AT_RETURN(stack) ((stack) + 8) /* the return address is gone */
#define GO_ARG1(at) ((at)->ax)
#define GO_ARG2(at) ((at)->bx)
#define GO_ARG3(at) ((at)->cx)
#else
#define C_ARG1(at) ((at)->regs[0])
#define C_ARG2(at) ((at)->regs[1])
#define C_ARG3(at) ((at)->regs[2])
#define C_ARG4(at) ((at)->regs[3])
#define C_RESULT(at) ((at)->regs[0])
#define STACK(at) ((at)->sp)
#define STACK_AT_RETURN(stack) (stack)
#define GO_ARG1(at) ((at)->regs[0])
#define GO_ARG2(at) ((at)->regs[1])
#define GO_ARG3(at) ((at)->regs[2])
#endif
#define GO_RESULT(at) GO_ARG1(at)

/* What we remember of a library's object. Full: the oldest counts anew and is bound anew. */
struct tls_stream_key {
    u64 stream;
    u32 tgid;
    u32 pad;
};

struct tls_stream {
    u64 cookie;
    u64 sent;
    u64 received;
    u32 budget; /* plaintext this message may still copy */
    u8 last_direction;
    u8 from_start;
    u8 pad[2];
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
    MAP_UINT(max_entries, 32768);
    MAP_TYPE(key, struct tls_stream_key);
    MAP_TYPE(value, struct tls_stream);
} tls_streams SEC(".maps");

/* Like `scratch`, with as many as may be preempted on one CPU before one is lost, and counted. */
#define TLS_SCRATCHES 4
#define TLS_PEEK 64
/* No single write is larger, unless a register does not hold what we think. */
#define GO_WRITE_MAX (1 << 30)

struct tls_scratch {
    u32 busy;
    u32 pad;
    struct event_tls_data event; /* and right behind it, as in the ring: */
    u8 data[2 * CAPTURE_MAX];
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    MAP_UINT(max_entries, TLS_SCRATCHES);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, struct tls_scratch);
} tls_scratches SEC(".maps");

INLINE struct tls_scratch *claim_tls_scratch(void)
{
#pragma unroll
    for (u32 i = 0; i < TLS_SCRATCHES; i++) {
        u32 index = i;
        struct tls_scratch *scratch = bpf_map_lookup_elem(&tls_scratches, &index);
        if (scratch && __sync_val_compare_and_swap(&scratch->busy, 0, 1) == 0)
            return scratch;
    }
    struct loss *loss = my_losses();
    if (loss)
        loss->busy += 1;
    return NULL;
}

/* Whether the process is a target. Whoever runs with more rights than its user has is not. */
INLINE bool may_probe(u32 tgid)
{
    struct control *control = the_control();
    struct task_struct *task = bpf_get_current_task_btf();

    if (!control || control->capture_max == 0 || tgid == control->self_tgid)
        return false;
    if (bpf_map_lookup_elem(&ignored, &tgid))
        return false;
    return task->cred->uid.val == task->cred->euid.val;
}

INLINE void note_process(u32 tgid, u32 kind)
{
    u32 *known = bpf_map_lookup_elem(&tls_processes, &tgid);

    if (!known || !(*known & kind)) {
        u32 value = kind | (known ? *known : 0);
        bpf_map_update_elem(&tls_processes, &tgid, &value, BPF_ANY);
    }
}

/* Finds the stream of an object. `cookie` is the socket its call moved bytes on, if any: another
 * than before means that the object is another, too. */
INLINE struct tls_stream *tls_stream(u64 object, u32 tgid, u64 cookie)
{
    struct tls_stream_key key = {.stream = object, .tgid = tgid};
    struct tls_stream *stream = bpf_map_lookup_elem(&tls_streams, &key);

    if (!stream) {
        struct tls_stream fresh;
        __builtin_memset(&fresh, 0, sizeof(fresh));
        bpf_map_update_elem(&tls_streams, &key, &fresh, BPF_ANY);
        stream = bpf_map_lookup_elem(&tls_streams, &key);
        if (!stream)
            return NULL;
    }
    if (cookie && stream->cookie != cookie) {
        if (stream->cookie) {
            stream->sent = 0;
            stream->received = 0;
            stream->budget = 0;
            stream->last_direction = 0;
            stream->from_start = 0;
        }
        stream->cookie = cookie;
    }
    return stream;
}

INLINE u32 tls_budget(struct tls_stream *stream, u8 direction)
{
    struct control *control = the_control();
    u32 most = control ? control->capture_max : 0;

    if (stream->last_direction != direction + 1)
        stream->budget = 2 * most;
    stream->last_direction = direction + 1;
    if (stream->budget < TLS_PEEK)
        return TLS_PEEK;
    return stream->budget < most ? stream->budget : most;
}

/* Reads the plaintext behind the event. */
INLINE u32 copy_plaintext(struct tls_scratch *scratch, u64 address, u32 len, u32 want)
{
    struct event_tls_data *event = &scratch->event;
    u32 copied = want < len ? want : len;

    OPAQUE(copied);
    if (copied > CAPTURE_MAX)
        copied = CAPTURE_MAX;
    if (bpf_probe_read_user(scratch->data, copied, (void *)address)) {
        struct loss *loss = my_losses();
        if (loss)
            loss->unreadable += 1;
        event->flags |= TLS_DATA_NO_BUFFER;
        return 0;
    }
    if (copied < len) {
        u32 tail = len < TAIL_MAX ? len : TAIL_MAX;
        OPAQUE(tail);
        if (tail > TAIL_MAX)
            tail = TAIL_MAX;
        if (!bpf_probe_read_user(event->tail, tail, (void *)(address + len - tail)))
            event->tail_len = tail;
    }
    return copied;
}

/* `frame` moved `len` bytes of plaintext. */
static __attribute__((noinline)) int tell_plaintext(struct tls_frame *frame, u32 len, u8 direction)
{
    u64 pid_tgid = bpf_get_current_pid_tgid();
    bool rust = frame->function == TLS_RUST_READ || frame->function == TLS_RUST_WRITE;
    u64 cookie = frame->strange || rust ? 0 : frame->cookie;
    struct tls_stream *stream = tls_stream(frame->stream, pid_tgid >> 32, cookie);
    if (!stream)
        return 0;
    u32 want = tls_budget(stream, direction);
    u64 *position = direction == DIRECTION_SENT ? &stream->sent : &stream->received;
    u64 offset = *position;
    *position = offset + len;

    struct tls_scratch *scratch = claim_tls_scratch();
    if (!scratch)
        return 0;
    struct event_tls_data *event = &scratch->event;
    __builtin_memset(event, 0, sizeof(*event));
    u32 copied = copy_plaintext(scratch, frame->address, len, want);
    stream->budget -= copied < stream->budget ? copied : stream->budget;
    OPAQUE(copied);
    if (copied > CAPTURE_MAX)
        copied = CAPTURE_MAX;
    fill_header(&event->header, EVENT_TLS_DATA, sizeof(*event) + copied);
    if (direction == DIRECTION_SENT)
        event->header.at_ns = frame->at_ns;
    event->stream = frame->stream;
    /* The address may be that of another object by now: only this call counts. */
    event->cookie = frame->strange ? 0 : rust ? frame->cookie : stream->cookie;
    event->offset = offset;
    event->tgid = pid_tgid >> 32;
    event->tid = pid_tgid;
    event->len = len;
    event->copied = copied;
    event->direction = direction;
    if (rust)
        event->flags |= TLS_DATA_UNENDED;
    if (rust ? frame->from_start : stream->from_start)
        event->flags |= TLS_DATA_FROM_START;
    emit(event, sizeof(*event) + copied);
    __sync_val_compare_and_swap(&scratch->busy, 1, 0);
    return 0;
}

INLINE void forget_tls_stream(u64 object, u32 tgid)
{
    struct tls_stream_key key = {.stream = object, .tgid = tgid};
    struct event_tls_end event;

    if (bpf_map_delete_elem(&tls_streams, &key))
        return;
    __builtin_memset(&event, 0, sizeof(event));
    fill_header(&event.header, EVENT_TLS_END, sizeof(event));
    event.stream = object;
    event.tgid = tgid;
    emit(&event, sizeof(event));
}

/* Makes `frame` the call that runs. Frames of calls that never returned (longjmp, a stack that was
 * switched) are those whose callers' stacks are gone. */
INLINE void push_frame(struct tls_thread *thread, const struct tls_frame *frame)
{
    if (thread->depth > 1 && thread->frames[1].stack <= frame->stack)
        thread->depth = 1;
    if (thread->depth > 0 && thread->frames[0].stack <= frame->stack)
        thread->depth = 0;
    if (thread->depth == 0) {
        thread->frames[0] = *frame;
        thread->depth = 1;
    } else if (thread->depth == 1) {
        thread->frames[1] = *frame;
        thread->depth = 2;
    }
}

SEC("uprobe")
int tls_enter(struct pt_regs *ctx)
{
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    u8 function = bpf_get_attach_cookie(ctx);

    if (!may_probe(tgid))
        return 0;
    if (function == TLS_FREE) {
        forget_tls_stream(C_ARG1(ctx), tgid);
        return 0;
    }
    struct task_struct *task = bpf_get_current_task_btf();
    struct tls_thread *thread =
        bpf_task_storage_get(&tls_threads, task, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!thread)
        return 0;
    note_process(tgid, TLS_PROCESS_C);
    struct tls_frame frame = {.stream = C_ARG1(ctx), .stack = STACK(ctx), .function = function};
    if (function != TLS_HANDSHAKE) {
        frame.address = C_ARG2(ctx);
        frame.size = C_ARG3(ctx);
        frame.moved = C_ARG4(ctx);
    }
    frame.at_ns = bpf_ktime_get_ns();
    push_frame(thread, &frame);
    return 0;
}

/* How many bytes the call moved; 0 if it failed. */
INLINE u32 moved_bytes(struct pt_regs *ctx, struct tls_frame *frame)
{
    s32 result = C_RESULT(ctx);
    u64 moved = 0;

    if (result <= 0)
        return 0;
    if (frame->function == TLS_READ || frame->function == TLS_WRITE)
        moved = result;
    else if (bpf_probe_read_user(&moved, sizeof(moved), (void *)frame->moved))
        return 0;
    return moved <= frame->size ? moved : 0;
}

SEC("uprobe")
int tls_return(struct pt_regs *ctx)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct tls_thread *thread = bpf_task_storage_get(&tls_threads, task, NULL, 0);
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    u64 stack = STACK(ctx);
    struct tls_frame frame;
    bool within = false; /* one function of the library was called by another for the same object */

    if (!thread)
        return 0;
    if (thread->depth > 1 && STACK_AT_RETURN(thread->frames[1].stack) == stack) {
        frame = thread->frames[1];
        thread->depth = 1;
        if (thread->frames[0].stream == frame.stream) {
            within = true;
            if (frame.cookie)
                thread->frames[0].cookie = frame.cookie;
        }
    } else if (thread->depth > 0 && STACK_AT_RETURN(thread->frames[0].stack) == stack) {
        frame = thread->frames[0];
        thread->depth = 0;
    } else {
        return 0;
    }
    if (frame.function == TLS_HANDSHAKE) {
        struct tls_stream *stream =
            tls_stream(frame.stream, tgid, frame.strange ? 0 : frame.cookie);
        if (stream && stream->sent == 0 && stream->received == 0)
            stream->from_start = 1;
        return 0;
    }
    u32 len = within ? 0 : moved_bytes(ctx, &frame);
    if (len > 0) {
        bool sent = frame.function == TLS_WRITE || frame.function == TLS_WRITE_EX;
        tell_plaintext(&frame, len, sent ? DIRECTION_SENT : DIRECTION_RECEIVED);
    } else if (frame.cookie && !frame.strange) {
        tls_stream(frame.stream, tgid, frame.cookie);
    }
    return 0;
}

SEC("uprobe")
int go_enter(struct pt_regs *ctx)
{
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    u8 function = bpf_get_attach_cookie(ctx);

    if (!may_probe(tgid))
        return 0;
    note_process(tgid, TLS_PROCESS_GO);
    struct tls_goroutine key = {.g = goroutine(ctx), .tgid = tgid};
    struct tls_frame frame = {.stream = GO_ARG1(ctx), .function = function};
    if (function == TLS_HANDSHAKE) {
        /* Where Read and Write do it themselves, the socket is found for them. */
        struct tls_frame *around = bpf_map_lookup_elem(&tls_goroutines, &key);
        struct tls_stream *stream = tls_stream(frame.stream, tgid, 0);
        if (stream) {
            stream->cookie = 0;
            stream->sent = 0;
            stream->received = 0;
            stream->last_direction = 0;
            stream->from_start = 1;
        }
        if (around && around->stream == frame.stream)
            return 0;
    } else {
        frame.address = GO_ARG2(ctx);
        frame.size = GO_ARG3(ctx);
    }
    frame.at_ns = bpf_ktime_get_ns();
    if (function == TLS_WRITE && frame.size > 0 && frame.size < GO_WRITE_MAX) {
        struct tls_stream *stream = tls_stream(frame.stream, tgid, 0);
        if (stream && stream->cookie) {
            /* Another goroutine may have read the answer before this one comes to its return. */
            tell_plaintext(&frame, frame.size, DIRECTION_SENT);
            frame.size = 0;
        }
    }
    bpf_map_update_elem(&tls_goroutines, &key, &frame, BPF_ANY);
    return 0;
}

SEC("uprobe")
int go_return(struct pt_regs *ctx)
{
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    u8 function = bpf_get_attach_cookie(ctx);
    struct tls_goroutine key = {.g = goroutine(ctx), .tgid = tgid};
    struct tls_frame *running = bpf_map_lookup_elem(&tls_goroutines, &key);

    if (!running || running->function != function)
        return 0;
    struct tls_frame frame = *running;
    bpf_map_delete_elem(&tls_goroutines, &key);
    s64 moved = GO_RESULT(ctx);
    if (function != TLS_HANDSHAKE && moved > 0 && moved <= frame.size)
        tell_plaintext(&frame, moved, function == TLS_WRITE ? DIRECTION_SENT : DIRECTION_RECEIVED);
    else if (frame.cookie && !frame.strange)
        tls_stream(frame.stream, tgid, frame.cookie);
    return 0;
}

/* What rustls is given to write: `whole` is 0 and one slice follows, or it is an array of slices,
 * their number, and which bytes of them all. */
struct rust_chunks {
    u64 whole;
    u64 second;
    u64 third;
    u64 fourth;
};

struct rust_slice {
    u64 address;
    u64 len;
};

/* More slices than this are told without their bytes. */
#define RUST_SLICES_MAX 8
/* No record's plaintext is longer. */
#define RUST_RECORD_MAX (1 << 14)
/* What stands where a vector has its capacity when bytes are borrowed. */
#define RUST_BORROWED (1ULL << 63)

SEC("uprobe")
int rust_enter(struct pt_regs *ctx)
{
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    u8 function = bpf_get_attach_cookie(ctx);
    struct rust_chunks given;

    if (!may_probe(tgid))
        return 0;
    struct task_struct *task = bpf_get_current_task_btf();
    struct tls_thread *thread =
        bpf_task_storage_get(&tls_threads, task, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!thread)
        return 0;
    if (function == TLS_RUST_FILL) {
        note_process(tgid, TLS_PROCESS_C);
        if (thread->filled != C_ARG1(ctx))
            thread->filled_cookie = 0;
        thread->filled = C_ARG1(ctx);
        thread->fills = 1;
        return 0;
    }
    struct tls_frame frame = {.stream = C_ARG1(ctx), .stack = STACK(ctx), .function = function};
    frame.at_ns = bpf_ktime_get_ns();
    if (function == TLS_RUST_WRITE) {
        if (bpf_probe_read_user(&given, sizeof(given), (void *)C_ARG2(ctx)))
            return 0;
        frame.moved = given.whole;
        frame.address = given.second;
        frame.size = given.third;
        if (given.whole && (given.third != 0 || given.fourth < given.third))
            return 0; /* a part of the slices: nobody writes so from outside */
        push_frame(thread, &frame);
        return 0;
    }
    if (bpf_probe_read_user(&given, 3 * sizeof(u64), (void *)C_ARG2(ctx)))
        return 0;
    if (given.third == 0 || given.third > RUST_RECORD_MAX)
        return 0;
    if (given.whole != RUST_BORROWED && given.whole < given.third)
        return 0; /* no vector holds more than it has room for */
    frame.address = given.second;
    frame.cookie = thread->filled_cookie;
    frame.from_start = thread->fills_from_start;
    return tell_plaintext(&frame, given.third, DIRECTION_RECEIVED);
}

/* Tells the slices that were taken, one by one. */
INLINE void tell_slices(struct tls_frame *frame, u64 left)
{
    u64 slices = frame->moved;
    u64 count = frame->address;
    struct rust_slice slice;

    for (u32 i = 0; i < RUST_SLICES_MAX && left > 0; i++) {
        if (i >= count ||
            bpf_probe_read_user(&slice, sizeof(slice), (void *)(slices + i * sizeof(slice))))
            break;
        u64 len = slice.len < left ? slice.len : left;
        if (len == 0)
            continue;
        frame->address = slice.address;
        tell_plaintext(frame, len, DIRECTION_SENT);
        left -= len;
    }
    frame->address = 0; /* cannot be read, which is told */
    if (left > 0)
        tell_plaintext(frame, left, DIRECTION_SENT);
}

SEC("uprobe")
int rust_return(struct pt_regs *ctx)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct tls_thread *thread = bpf_task_storage_get(&tls_threads, task, NULL, 0);

    u64 stack = STACK(ctx);
    struct tls_frame frame;

    if (!thread)
        return 0;
    if (thread->depth > 1 && STACK_AT_RETURN(thread->frames[1].stack) == stack) {
        frame = thread->frames[1];
        thread->depth = 1;
    } else if (thread->depth > 0 && STACK_AT_RETURN(thread->frames[0].stack) == stack) {
        frame = thread->frames[0];
        thread->depth = 0;
    } else {
        return 0;
    }
    u64 taken = C_RESULT(ctx);
    if (frame.function != TLS_RUST_WRITE || taken == 0 || taken > GO_WRITE_MAX)
        return 0;
    frame.cookie = 0; /* it moves no bytes: a signal handler did */
    if (frame.moved)
        tell_slices(&frame, taken);
    else if (taken <= frame.size)
        tell_plaintext(&frame, taken, DIRECTION_SENT);
    return 0;
}
