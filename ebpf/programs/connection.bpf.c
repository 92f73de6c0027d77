/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A TCP connection begins, fails to begin, or ends.
 *
 *   hook                        since  emits
 *   tp_btf/inet_sock_set_state  4.16   event_connect_failed, event_close; remembers role and times
 *   tp_btf/tcp_destroy_sock     4.16   event_close, if it was not told yet
 *
 * Most changes happen in softirq, where `current` is somebody else: the opener is remembered when
 * connect() runs, the owner of an accepted connection when it first moves bytes.
 */
#include "ending.h"

INLINE void on_connect(struct sock *sk, struct socket_state *state)
{
    u64 pid_tgid = bpf_get_current_pid_tgid();
    struct control *control = the_control();

    u8 ours = state->flags & SOCKET_OURS;
    u64 cookie = state->cookie;

    /* A socket may be connected again: nothing of its first life holds. */
    __builtin_memset(state, 0, sizeof(*state));
    state->cookie = cookie;
    state->flags = ours;
    state->role = ROLE_CLIENT;
    state->connect_ns = bpf_ktime_get_ns();
    state->owner_tgid = pid_tgid >> 32;
    state->owner_tid = pid_tgid;
    state->mover = pid_tgid;
    state->generation = 0;
    if (control && state->owner_tgid == control->self_tgid)
        state->flags |= SOCKET_OURS;
}

INLINE void on_connect_failed(struct sock *sk, struct socket_state *state)
{
    struct event_connect_failed event;

    if ((state->flags & SOCKET_OURS) || bpf_map_lookup_elem(&ignored, &state->owner_tgid))
        return;
    __builtin_memset(&event, 0, sizeof(event));
    fill_header(&event.header, EVENT_CONNECT_FAILED, sizeof(event));
    event.cookie = state->cookie;
    event.connect_ns = state->connect_ns;
    read_tuple(&event.tuple, sk);
    event.tgid = state->owner_tgid;
    event.tid = state->owner_tid;
    event.error = sk->sk_err;
    if (event.error == 0 && sk->sk_shutdown == 0)
        event.error = ERROR_UNTOLD; /* not closed by its owner, and no error arrived */
    emit(&event, sizeof(event));
}

INLINE void on_established(struct sock *sk, struct socket_state *state, int old)
{
    struct tuple key;
    u8 one = 1;

    state->established_ns = bpf_ktime_get_ns();
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
    if (tcp)
        find_base(state, tcp, 0);
    if (kernel_has & SENDS_ARE_PACKETS)
        take_positions(sk, state);
    if (old == TCP_SYN_SENT) {
        if (state->flags & SOCKET_OURS) {
            own_key(&key, sk, true);
            bpf_map_update_elem(&own_connections, &key, &one, BPF_ANY);
        }
        return;
    }
    state->role = ROLE_SERVER;
    own_key(&key, sk, false);
    if (bpf_map_lookup_elem(&own_connections, &key))
        state->flags |= SOCKET_OURS;
}

/* The states are over, but what the peer sent may still wait to be read, or what was sent to leave:
 * then the end is told when the socket goes, so that it comes after its last bytes. */
INLINE void on_end(struct sock *sk, struct socket_state *state, int new)
{
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
    u32 unread = tcp ? tcp->rcv_nxt - tcp->copied_seq : 0;
    u32 fin = state->flags & SOCKET_PEER_FIN ? 1 : 0;
    bool unsent = tcp && (kernel_has & SENDS_ARE_PACKETS) && new != TCP_CLOSE &&
                  tcp->write_seq != tcp->snd_nxt;

    state->error = sk->sk_err;
    if (unread <= fin && !unsent)
        tell_close(sk, state, 0);
}

SEC("tp_btf/inet_sock_set_state")
int inet_sock_set_state(u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];
    int old = ctx[1];
    int new = ctx[2];

    if (sk->sk_protocol != IPPROTO_TCP || old == TCP_LISTEN || new == TCP_LISTEN)
        return 0;
    if (new == TCP_SYN_RECV)
        return 0; /* still a copy of its listener */
    struct socket_state *state = state_of(sk);
    if (!state)
        return 0;

    if (new == TCP_SYN_SENT)
        on_connect(sk, state);
    else if (new == TCP_ESTABLISHED)
        on_established(sk, state, old);
    else if (old == TCP_SYN_SENT && new == TCP_CLOSE)
        on_connect_failed(sk, state);
    else if (new == TCP_CLOSE_WAIT)
        state->flags |= SOCKET_PEER_FIN;
    else if (new == TCP_CLOSE)
        on_end(sk, state, new);
    else if ((new == TCP_FIN_WAIT1 || new == TCP_LAST_ACK) && sk->sk_shutdown == SHUTDOWN_BOTH)
        on_end(sk, state, new); /* close(), as opposed to shutdown() of one half */
    return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int tcp_destroy_sock(u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];
    struct socket_state *state = known_state_of(sk);

    if (state)
        tell_close(sk, state, 0);
    forget_state(sk);
    return 0;
}
