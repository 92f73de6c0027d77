/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Bytes move on a socket.
 *
 *   hook                       since  emits
 *   tp_btf/sock_send_length    6.3    event_open (once), event_data
 *   tp_btf/sock_recv_length    6.3    event_open (once), event_data
 *
 * Fires inside every socket send and receive, in the calling thread, with the byte count. No
 * system call hook is needed, so unrelated system calls cost nothing more. A socket nobody asked
 * about costs one storage lookup; a socket whose messages do not look like a protocol we parse
 * costs 32 bytes read at each change of direction.
 */
#include "buffer.h"
#include "classify.h"
#include "socket.h"

#define UNDECIDED_CHUNKS 24
#define DECIDED_AT_BYTES 16
/* A socket that began so many turns like nothing we parse is looked at only every so many turns: it
 * is another protocol, or an old connection in the middle of something. */
#define STRANGE_TURNS 8
#define STRANGE_LOOK_EVERY 16
/* When a message's budget is spent: enough to see that a new message starts. */
#define BODY_PEEK 64

/* Whether the owner is a target. Asked again when the socket changes hands or user space says. */
INLINE bool is_wanted(struct socket_state *state, u32 tgid, struct control *control)
{
    if (state->flags & SOCKET_OURS)
        return false;
    if (unlikely(tgid == control->self_tgid)) {
        state->flags |= SOCKET_OURS;
        return false;
    }
    if (state->owner_tgid == tgid && state->generation == control->generation)
        return !(state->flags & SOCKET_IGNORED);
    state->owner_tgid = tgid;
    state->generation = control->generation;
    if (bpf_map_lookup_elem(&ignored, &tgid))
        state->flags |= SOCKET_IGNORED;
    else
        state->flags &= ~SOCKET_IGNORED;
    return !(state->flags & SOCKET_IGNORED);
}

INLINE void announce(struct sock *sk, struct socket_state *state, u64 pid_tgid, u32 announcement)
{
    struct event_open event;

    if (likely((state->flags & SOCKET_ANNOUNCED) && state->announcement == announcement))
        return;
    __builtin_memset(&event, 0, sizeof(event));
    fill_header(&event.header, EVENT_OPEN, sizeof(event));
    event.cookie = bpf_get_socket_cookie(sk);
    event.connect_ns = state->connect_ns;
    event.established_ns = state->established_ns;
    read_tuple(&event.tuple, sk);
    event.tgid = pid_tgid >> 32;
    event.tid = pid_tgid;
    event.role = state->role;
    if (emit(&event, sizeof(event))) {
        state->flags |= SOCKET_ANNOUNCED;
        state->announcement = announcement;
    }
}

/* Whether the turn is worth looking at. */
INLINE bool is_worth_a_look(struct socket_state *state)
{
    if (state->strange_turns < STRANGE_TURNS)
        return true;
    state->strange_turns += 1;
    if (state->strange_turns < STRANGE_TURNS + STRANGE_LOOK_EVERY)
        return false;
    state->strange_turns = STRANGE_TURNS;
    return true;
}

/* Whether what was just looked at is a further reply to a pipeline. */
INLINE bool is_reply(struct socket_state *state)
{
    if (state->protocol != PROTOCOL_REDIS)
        return false;
    struct scratch *scratch = the_scratch();
    return scratch && begins_reply(scratch->data[0]);
}

/* How much of this call to copy; 0 means that the call is of no interest. */
INLINE u32 wanted_bytes(struct buffer *buffer, struct socket_state *state, struct control *control,
                        u32 len, bool turned)
{
    if (turned)
        state->budget = 2 * control->capture_max;
    if (state->protocol == PROTOCOL_UNKNOWN) {
        if (turned) {
            state->undecided = 0;
            u32 looks = classify(copy_payload(buffer->address, buffer->pieces, len, SNIFF_BYTES));
            if (looks == LOOKS_OTHER) {
                if (state->strange_turns < STRANGE_TURNS)
                    state->strange_turns += 1;
                return 0;
            }
            if (looks == LOOKS_UNDECIDED)
                state->undecided = UNDECIDED_CHUNKS;
            else
                state->protocol = looks == LOOKS_REDIS      ? PROTOCOL_REDIS
                                  : looks == LOOKS_POSTGRES ? PROTOCOL_POSTGRES
                                                            : PROTOCOL_HTTP1;
        } else if (state->undecided == 0) {
            return 0;
        } else {
            state->undecided -= 1;
            if (len >= DECIDED_AT_BYTES || state->undecided == 0)
                state->protocol = PROTOCOL_HTTP1; /* user space knows all of it, and is strict */
        }
    } else if (state->protocol == PROTOCOL_POSTGRES && turned) {
        copy_payload(buffer->address, buffer->pieces, len, SNIFF_BYTES);
        struct scratch *scratch = the_scratch();
        if (scratch && len > 2 && begins_tls(scratch->data))
            state->protocol = PROTOCOL_OPAQUE;
    } else if (state->budget < control->capture_max) {
        u32 looks = classify(copy_payload(buffer->address, buffer->pieces, len, SNIFF_BYTES));
        if (looks >= LOOKS_HTTP1 || is_reply(state))
            state->budget = 2 * control->capture_max;
        else if (state->budget < BODY_PEEK)
            return BODY_PEEK;
    }
    if (state->protocol == PROTOCOL_OPAQUE)
        return 0;
    return state->budget < control->capture_max ? state->budget : control->capture_max;
}

/* One socket call that moved bytes. */
struct call {
    u32 len;
    u8 direction;
    bool turned; /* the bytes before went the other way */
    bool seen;   /* the bytes are where the caller said */
};

INLINE void capture(struct scratch *scratch, struct sock *sk, struct socket_state *state,
                    struct control *control, struct call *call, u64 offset)
{
    struct event_data *event = &scratch->event;
    u32 len = call->len;
    struct buffer buffer;
    bool readable = call->seen && find_buffer(&buffer, sk, call->direction);
    u32 copied = 0;

    __builtin_memset(event, 0, sizeof(*event));
    if (readable) {
        u32 want = wanted_bytes(&buffer, state, control, len, call->turned);
        if (want == 0)
            return;
        copied = copy_payload(buffer.address, buffer.pieces, len, want);
        if (copied < len) {
            event->tail_len = len < TAIL_MAX ? len : TAIL_MAX;
            __builtin_memcpy(event->tail, scratch->tail, TAIL_MAX);
        }
        state->budget -= copied < state->budget ? copied : state->budget;
    } else {
        event->flags = DATA_NO_BUFFER;
        if (state->protocol == PROTOCOL_UNKNOWN || state->protocol == PROTOCOL_OPAQUE)
            return;
    }

    u64 pid_tgid = bpf_get_current_pid_tgid();
    announce(sk, state, pid_tgid, control->announcement);
    OPAQUE(copied);
    if (copied > CAPTURE_MAX)
        copied = CAPTURE_MAX;
    fill_header(&event->header, EVENT_DATA, sizeof(*event) + copied);
    event->cookie = bpf_get_socket_cookie(sk);
    event->offset = offset;
    event->tgid = pid_tgid >> 32;
    event->tid = pid_tgid;
    event->len = len;
    event->copied = copied;
    event->direction = call->direction;
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
    if (tcp)
        event->tcp_end_seq = call->direction == DIRECTION_SENT ? tcp->write_seq : tcp->copied_seq;
    emit(event, sizeof(*event) + copied);
}

/* An AF_UNIX socket has no states to tell that its peer is gone; reading nothing tells. */
INLINE void on_end_of_stream(struct sock *sk)
{
    if (sk->__sk_common.skc_family != AF_UNIX)
        return;
    struct socket_state *state = bpf_sk_storage_get(&sockets, sk, NULL, 0);
    if (state)
        tell_close(sk, state, CLOSE_OF_PEER);
}

INLINE int on_bytes(struct sock *sk, int ret, int flags, u8 direction)
{
    if (ret < 0 || !is_followed(sk))
        return 0;
    if (direction == DIRECTION_RECEIVED && (flags & (MSG_PEEK | MSG_ERRQUEUE)))
        return 0;
    if (ret == 0) {
        if (direction == DIRECTION_RECEIVED)
            on_end_of_stream(sk);
        return 0;
    }

    struct control *control = the_control();
    if (!control || control->capture_max == 0)
        return 0; /* not all hooks are attached yet: a request could be seen without its answer */
    struct socket_state *state = state_of(sk);
    if (!state)
        return 0;

    u64 *position = direction == DIRECTION_SENT ? &state->sent : &state->received;
    u64 offset = *position;
    *position = offset + ret;

    bool turned = state->last_direction != direction + 1;
    bool strange = state->protocol == PROTOCOL_UNKNOWN && state->undecided == 0 &&
                   (!turned || !is_worth_a_look(state));
    state->last_direction = direction + 1;
    if (!strange && is_wanted(state, bpf_get_current_pid_tgid() >> 32, control)) {
        struct scratch *scratch = the_scratch();
        if (!scratch)
            return 0;
        /* Tracepoints run with preemption off on every kernel tested; if one day they do not,
         * a nested call counts itself instead of spoiling the record below it. */
        if (scratch->busy) {
            struct loss *loss = my_losses();
            if (loss)
                loss->busy += 1;
        } else {
            scratch->busy = 1;
            /* With MSG_TRUNC the bytes were thrown away, not copied to the caller. */
            bool seen = direction == DIRECTION_SENT || !(flags & MSG_TRUNC);
            struct call call = {.len = ret, .direction = direction, .turned = turned, .seen = seen};
            capture(scratch, sk, state, control, &call, offset);
            scratch->busy = 0;
        }
    }
    return 0;
}

SEC("tp_btf/sock_send_length")
int sock_send_length(u64 *ctx)
{
    return on_bytes((struct sock *)ctx[0], (int)ctx[1], (int)ctx[2], DIRECTION_SENT);
}

SEC("tp_btf/sock_recv_length")
int sock_recv_length(u64 *ctx)
{
    return on_bytes((struct sock *)ctx[0], (int)ctx[1], (int)ctx[2], DIRECTION_RECEIVED);
}
