/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Bytes move on a socket.
 *
 *   hook                       since  emits
 *   tp_btf/sock_send_length    6.3    event_open (once), event_data or event_exchange
 *   tp_btf/sock_recv_length    6.3    event_open (once), event_data or event_exchange
 *
 * Fires inside every socket send and receive, in the calling thread, with the byte count. No
 * system call hook is needed, so unrelated system calls cost nothing more. A socket nobody asked
 * about costs one storage lookup; a socket whose protocol nobody knows costs its counters.
 */
#include "again.h"
#include "capture.h"

/* An AF_UNIX socket has no states to tell that its peer is gone; reading nothing tells. */
INLINE void on_end_of_stream(struct sock *sk)
{
    if (sk->__sk_common.skc_family != AF_UNIX)
        return;
    struct socket_state *state = known_state_of(sk);
    if (state)
        tell_close(sk, state, CLOSE_OF_PEER);
}

/* Nothing moved: of many messages one is passed, a request has ended, or a stream has. */
INLINE int on_nothing(struct sock *sk, int ret, int flags, u8 direction)
{
    struct task_struct *task = bpf_get_current_task_btf();

    batch_ends(task, ret);
    if (unlikely(is_request(task)))
        uring_moved_nothing(task, sk, ret, direction == DIRECTION_SENT);
    if (ret == 0 && direction == DIRECTION_RECEIVED && is_followed(sk) &&
        !(flags & (MSG_PEEK | MSG_ERRQUEUE)))
        on_end_of_stream(sk);
    return 0;
}

INLINE int on_bytes(struct sock *sk, int ret, int flags, u8 direction)
{
    if (unlikely(ret <= 0))
        return on_nothing(sk, ret, flags, direction);
    if (direction == DIRECTION_RECEIVED && (flags & (MSG_PEEK | MSG_ERRQUEUE)))
        return 0;
    if (the_control()->capture_max == 0)
        return 0; /* not all hooks are attached yet: a request could be seen without its answer */
    /* Whoever has a state is followed. */
    struct socket_state *state = known_state_of(sk);
    if (likely(state && state->cookie)) {
        if (only_counts(sk, state, direction, ret))
            return 0;
    } else if (is_followed(sk)) {
        state = state_of(sk);
        if (!state)
            return 0;
    } else {
        if (is_udp(sk))
            datagram_moved(sk, ret, flags, direction);
        return 0;
    }

    /* With MSG_TRUNC the bytes were thrown away, not copied to the caller. */
    bool seen = direction == DIRECTION_SENT || !(flags & MSG_TRUNC);
    bytes_moved_on(sk, state, direction, ret, seen ? WHERE_IN_CALL : WHERE_NOWHERE, NULL);
    return 0;
}

SEC("tp_btf/sock_send_length")
int sock_send_length(u64 *ctx)
{
    if (!runs_first(NOTICED_SENT))
        return 0;
    return on_bytes((struct sock *)ctx[0], (int)ctx[1], (int)ctx[2], DIRECTION_SENT);
}

SEC("tp_btf/sock_recv_length")
int sock_recv_length(u64 *ctx)
{
    if (!runs_first(NOTICED_RECEIVED))
        return 0;
    return on_bytes((struct sock *)ctx[0], (int)ctx[1], (int)ctx[2], DIRECTION_RECEIVED);
}

/* === Once more, where the kernel may have left out the first (again.h) === */

APART int on_bytes_again(struct sock *sk, int ret, int flags, u8 direction)
{
    return on_bytes(sk, ret, flags, direction);
}

SEC("tp_btf/sock_send_length")
int sent_again(u64 *ctx)
{
    if (ran_first(NOTICED_SENT))
        return 0;
    return on_bytes_again((struct sock *)ctx[0], (int)ctx[1], (int)ctx[2], DIRECTION_SENT);
}

SEC("tp_btf/sock_recv_length")
int received_again(u64 *ctx)
{
    if (ran_first(NOTICED_RECEIVED))
        return 0;
    return on_bytes_again((struct sock *)ctx[0], (int)ctx[1], (int)ctx[2], DIRECTION_RECEIVED);
}
