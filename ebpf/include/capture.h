/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Bytes moved on a socket: counts them, decides whether they matter, and hands them over.
 *
 * Whoever notices such bytes calls `bytes_moved` once, with where they are in user memory; what a
 * socket is and how its bytes were found is the caller's.
 */
#ifndef TAPLINE_CAPTURE_H
#define TAPLINE_CAPTURE_H

#include "budget.h"
#include "call.h"
#include "ending.h"
#include "owner.h"
#include "tls.h"
#include "verdict.h"

/* Where bytes that moved are known to be. */
enum where {
    WHERE_NOWHERE = 0, /* they cannot be read */
    WHERE_IN_CALL = 1, /* the running system call says */
    WHERE_GIVEN = 2,   /* whoever noticed them says */
};

/* Bytes that moved on a socket, however that was noticed. */
struct call {
    struct buffer buffer; /* where they are, when `readable` */
    u64 pid_tgid;         /* who moved them */
    u64 offset;           /* of the first of them in their stream */
    u64 now;              /* when, if somebody has asked already */
    u32 len;
    u32 end_seq; /* TCP sequence number behind them; 0 for where the socket is by now */
    u8 direction;
    u8 where;
    u8 flags;    /* data_flags that whoever noticed them knows */
    bool turned; /* the bytes before went the other way */
    bool readable;
    bool anew; /* an exchange begins after one of which something is lost */
};

INLINE u32 wanted_bytes(struct socket_state *state, struct control *control, struct call *call,
                        enum source source)
{
    if (state->mode != MODE_PARSE)
        return wanted_to_sniff(&call->buffer, source, state, control, call->len, call->turned);
    return wanted_to_parse(&call->buffer, source, state, control, call->len, call->turned);
}

/* A socket was recognised by what it began with: that may be let go, too, when later exchanges do
 * not need it. On a machine that makes a connection for every request it is all there is. */
INLINE bool shed_at_once(struct sock *sk, struct socket_state *state, struct control *control,
                         struct call *call)
{
    if (!(state->verdict_flags & VERDICT_ALONE) || !call->turned ||
        !is_asking(state, call->direction))
        return false;
    begin_exchange(sk, state, control, call->direction, call->len, call->end_seq);
    if (likely(!(state->flags & SOCKET_SHED)))
        return false;
    count_shed(state);
    return true;
}

/* Puts the record of a call together and hands it over. The scratch is the caller's alone. */
INLINE void capture(struct scratch *scratch, struct sock *sk, struct socket_state *state,
                    struct control *control, struct call *call, enum source source)
{
    struct event_data *event = &scratch->event;
    u32 len = call->len;
    u32 copied = 0;

    __builtin_memset(event, 0, sizeof(*event));
    event->flags = call->flags;
    if (call->readable) {
        u8 mode = state->mode;
        u32 want = wanted_bytes(state, control, call, source);
        if (unlikely(mode != state->mode) && shed_at_once(sk, state, control, call))
            return;
        copied = copy_bytes(&call->buffer, source, len, want);
        if (copied < len) {
            event->tail_len = len < TAIL_MAX ? len : TAIL_MAX;
            __builtin_memcpy(event->tail, scratch->tail, TAIL_MAX);
        }
        state->budget -= copied < state->budget ? copied : state->budget;
    } else if (state->mode == MODE_PARSE) {
        event->flags |= DATA_NO_BUFFER;
    } else {
        return;
    }

    announce(sk, state, call->pid_tgid, control->announcement);
    OPAQUE(copied);
    if (copied > CAPTURE_MAX)
        copied = CAPTURE_MAX;
    fill_header(&event->header, EVENT_DATA, sizeof(*event) + copied);
    if (call->now)
        event->header.at_ns = call->now; /* what was counted and what is shown happened at once */
    event->cookie = state->cookie;
    event->offset = call->offset;
    event->tgid = call->pid_tgid >> 32;
    event->tid = call->pid_tgid;
    event->len = len;
    event->copied = copied;
    event->direction = call->direction;
    event->mode = state->mode;
    event->shed_share = state->shed_share;
    if (call->anew)
        event->flags |= DATA_ANEW;
    if (state->verdict_flags & VERDICT_ALONE)
        event->flags |= DATA_ALONE;
    struct tcp_sock *tcp = tcp_of(sk);
    if (call->end_seq)
        event->tcp_end_seq = call->end_seq;
    else if (tcp && call->direction == DIRECTION_SENT)
        GET(event->tcp_end_seq, tcp->write_seq);
    else if (tcp)
        GET(event->tcp_end_seq, tcp->copied_seq);
    if (emit_data(event, sizeof(*event) + copied, control))
        state->flags |= SOCKET_SNIFFED;
    else if (state->mode == MODE_PARSE)
        lose_exchange(state);
}

/* Whose bytes moved is known by now, and that somebody is to see them. */
INLINE void follow(struct sock *sk, struct socket_state *state, struct control *control,
                   struct call *call, enum source source)
{
    bool packet = source == SOURCE_PACKET;
    u32 which = packet ? SCRATCH_OF_PACKETS : SCRATCH_OF_CALLS;
    struct scratch *scratch = claim_scratch(which);

    if (unlikely(!scratch))
        scratch = claim_scratch(++which);
    if (unlikely(!scratch)) {
        struct loss *loss = my_losses();
        if (loss)
            loss->busy += 1;
        lose_exchange(state);
        return;
    }
    call->buffer.other.scratch = which;
    capture(scratch, sk, state, control, call, source);
    release_scratch(scratch);
}

/* Pairs of turns that are only counted are let go like others, unless they are summed: that is cheap,
 * and a sum has all of them. */
INLINE bool lengths_are_shed(struct sock *sk, struct socket_state *state, struct control *control,
                             struct call *call)
{
    if (state->mode != MODE_LENGTHS || (state->verdict_flags & VERDICT_SUM))
        return false;
    if (call->turned && asking_direction(state) == call->direction) {
        if (state->answered_ns)
            tell_exchange(sk, state, true);
        begin_exchange(sk, state, control, call->direction, call->len, call->end_seq);
    }
    if (likely(!(state->flags & SOCKET_SHED)))
        return false;
    count_shed(state);
    return true;
}

/* Counts a call on a socket of a target. Returns whether its bytes are to be seen, too. */
INLINE bool is_to_be_seen(struct sock *sk, struct socket_state *state, struct control *control,
                          struct call *call)
{
    ask_verdict(sk, state, control);
    if (lengths_are_shed(sk, state, control, call))
        return false;
    if (state->mode == MODE_PENDING || state->mode == MODE_LENGTHS) {
        call->now = bpf_ktime_get_ns();
        count_lengths(sk, state, call->direction, call->len, call->pid_tgid, call->now);
        if (state->mode == MODE_LENGTHS && !(state->verdict_flags & VERDICT_LOOK))
            return false;
        if (call->turned)
            state->budget = sniffed_bytes(state, control, call->now);
        else if (state->budget == 0)
            peek(state);
        return state->budget > 0;
    }
    if (state->mode == MODE_SILENT)
        return false;
    if (call->turned && is_asking(state, call->direction)) {
        call->anew = state->flags & SOCKET_HIT;
        begin_exchange(sk, state, control, call->direction, call->len, call->end_seq);
    }
    if (likely(!(state->flags & SOCKET_SHED)))
        return true;
    count_shed(state);
    return false;
}

/* Counts bytes, and shows them to user space if it is to see them. */
INLINE void count_and_follow(struct sock *sk, struct socket_state *state, struct control *control,
                             struct call *call, enum source source)
{
    u64 *position = call->direction == DIRECTION_SENT ? &state->sent : &state->received;
    call->offset = *position;
    call->turned = state->last_direction != call->direction + 1;
    state->last_direction = call->direction + 1;
    state->mover = call->pid_tgid;
    if (unlikely(state->first_direction == 0))
        state->first_direction = call->direction + 1;

    /* Only then are they the running call's, on kernels where TLS libraries can be probed. */
    bool in_call = source == SOURCE_CALL && call->where == WHERE_IN_CALL;
    bool wanted = is_wanted(state, call->pid_tgid >> 32, control);
    if (in_call && wanted && state->tls != TLS_NOT)
        tls_moved(sk, state, call->direction, call->len);
    bool seen = wanted && state->tls != TLS_BOUND && is_to_be_seen(sk, state, control, call);
    *position = call->offset + call->len;
    if (!seen) {
        if (in_call)
            batch_passes(sk, call->len, call->direction);
        return;
    }
    if (in_call)
        call->readable = find_buffer(&call->buffer, sk, call->len, call->direction);
    else
        call->readable = call->where == WHERE_GIVEN;
    follow(sk, state, control, call, source);
}

INLINE void pass(struct socket_state *state, u8 direction, u32 len, u64 pid_tgid)
{
    state->last_direction = direction + 1;
    state->mover = pid_tgid;
    if (direction == DIRECTION_SENT)
        state->sent += len;
    else
        state->received += len;
}

/* The short way, for the sockets that most calls are made on: it counts, and asks nothing. Returns
 * false, and has done nothing, where there is more to do. */
INLINE bool only_counts(struct sock *sk, struct socket_state *state, u8 direction, u32 len)
{
    struct control *control = the_control();
    u8 left_alone = state->flags & (SOCKET_OURS | SOCKET_IGNORED);

    if (state->generation != control->generation || !state->based)
        return false;
    if (!left_alone && (state->mode < MODE_LENGTHS || state->tls != TLS_NOT ||
                        state->verdict_generation != control->verdict_generation))
        return false;
    u64 pid_tgid = the_mover();
    if (pid_tgid >> 32 != state->owner_tgid)
        return false;
    if (!left_alone && state->mode == MODE_LENGTHS) {
        if ((control->shed_share || state->shed_share) && !(state->verdict_flags & VERDICT_SUM))
            return false;
        u64 now = bpf_ktime_get_ns();
        if (state->verdict_flags & VERDICT_LOOK) {
            bool turned = state->last_direction != direction + 1;
            if (state->budget || (turned && is_look_due(state, now)))
                return false;
            batch_passes(sk, len, direction);
        }
        count_lengths(sk, state, direction, len, pid_tgid, now);
    }
    pass(state, direction, len, pid_tgid);
    return true;
}

/* `len` bytes moved on `sk`, which is one that we follow, in the running call. `given` is for
 * WHERE_GIVEN only. For tracing programs. */
INLINE void bytes_moved_on(struct sock *sk, struct socket_state *state, u8 direction, u32 len,
                           enum where where, const struct buffer *given)
{
    struct control *control = the_control();

    if (unlikely(direction == DIRECTION_RECEIVED && !state->based)) {
        struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
        state->based = 1;
        if (tcp)
            find_base(state, tcp, len);
    }
    struct call call = {.len = len, .direction = direction, .where = where};
    call.pid_tgid = the_mover();
    if (where == WHERE_GIVEN)
        call.buffer = *given;
    count_and_follow(sk, state, control, &call, SOURCE_CALL);
}

/* The same, on a socket that may not be known yet. */
INLINE void bytes_moved(struct sock *sk, u8 direction, u32 len, enum where where,
                        const struct buffer *given)
{
    if (the_control()->capture_max == 0)
        return; /* not all hooks are attached yet: a request could be seen without its answer */
    struct socket_state *state = state_of(sk);
    if (state)
        bytes_moved_on(sk, state, direction, len, where, given);
}

#endif
