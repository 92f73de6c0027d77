/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What a socket says of itself. */
#ifndef TAPLINE_ANNOUNCE_H
#define TAPLINE_ANNOUNCE_H

#include "socket.h"

APART int tell_open(struct sock *sk, struct socket_state *state, u64 pid_tgid, u32 announcement)
{
    /* Right in the ring: the stacks of our callers leave no room for it before 6.13. */
    u64 wake = waking(bytes_waiting());
    struct event_open *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
    if (!event) {
        count_lost(sizeof(*event));
        return 0;
    }
    __builtin_memset(event, 0, sizeof(*event));
    fill_header(&event->header, EVENT_OPEN, sizeof(*event));
    event->cookie = state->cookie;
    event->connect_ns = state->connect_ns;
    event->established_ns = state->established_ns;
    read_tuple(&event->tuple, sk);
    event->tgid = pid_tgid >> 32;
    event->tid = pid_tgid;
    event->role = state->role;
    bpf_ringbuf_submit(event, wake);
    state->flags |= SOCKET_ANNOUNCED;
    state->announcement = announcement;
    return 0;
}

/* Says what a socket is, before the first record about it and whenever user space asks again. */
INLINE void announce(struct sock *sk, struct socket_state *state, u64 pid_tgid, u32 announcement)
{
    if (unlikely(!(state->flags & SOCKET_ANNOUNCED) || state->announcement != announcement))
        tell_open(sk, state, pid_tgid, announcement);
}

#endif
