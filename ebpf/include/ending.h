/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The end of a socket, and of what was going on on it. */
#ifndef TAPLINE_ENDING_H
#define TAPLINE_ENDING_H

#include "lengths.h"

/* The socket's life is over, as far as its owner is concerned; told once. */
APART int tell_close(struct sock *sk, struct socket_state *state, u32 flags)
{
    struct event_close event;

    if ((state->flags & SOCKET_CLOSED) || !(state->flags & SOCKET_ANNOUNCED))
        return 0;
    end_exchange(sk, state);
    __builtin_memset(&event, 0, sizeof(event));
    fill_header(&event.header, EVENT_CLOSE, sizeof(event));
    event.cookie = state->cookie;
    event.sent_bytes = state->sent;
    event.received_bytes = state->received;
    event.error = state->error;
    event.flags = flags;
    if (state->flags & SOCKET_PEER_FIN)
        event.flags |= CLOSE_BY_PEER;
    struct tcp_sock *tcp = tcp_of(sk);
    if (tcp) {
        GET(event.srtt_us, tcp->srtt_us);
        event.srtt_us >>= 3;
        GET(event.retransmits, tcp->total_retrans);
    }
    if (emit(&event, sizeof(event)))
        state->flags |= SOCKET_CLOSED;
    return 0;
}

#endif
