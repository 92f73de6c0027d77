/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Reading a `struct sock`: whose addresses it has, and whether we follow it at all. */
#ifndef TAPLINE_SOCKET_H
#define TAPLINE_SOCKET_H

#include "maps.h"

/* Reads a field of what belongs to a socket. Where a socket was found by its descriptor it is no more
 * than a number to the verifier, and a field is copied instead of loaded. */
#define GET(to, from)                                            \
    do {                                                         \
        if (kernel_has & SOCKETS_ARE_NUMBERS)                    \
            bpf_probe_read_kernel(&(to), sizeof(to), &(from));   \
        else                                                     \
            (to) = (from);                                       \
    } while (0)

/* Streams over TCP, MPTCP and AF_UNIX carry requests; a sequence of packets is a stream whose calls
 * are its messages. */
INLINE bool is_followed(struct sock *sk)
{
    u16 family = 0;
    u16 type = 0;
    u16 protocol = 0;

    GET(family, sk->__sk_common.skc_family);
    GET(type, sk->sk_type);
    if (family == AF_UNIX)
        return type == SOCK_STREAM || type == SOCK_SEQPACKET;
    if (type != SOCK_STREAM || (family != AF_INET && family != AF_INET6))
        return false;
    GET(protocol, sk->sk_protocol);
    return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

/* The same socket as one of TCP; NULL if it is none. Its fields are for GET. */
INLINE struct tcp_sock *tcp_of(struct sock *sk)
{
    u16 protocol = 0;

    if (!(kernel_has & SOCKETS_ARE_NUMBERS))
        return bpf_skc_to_tcp_sock(sk);
    GET(protocol, sk->sk_protocol);
    return protocol == IPPROTO_TCP ? (struct tcp_sock *)sk : NULL;
}

INLINE void mapped(u8 *to, u32 address)
{
    __builtin_memset(to, 0, 10);
    to[10] = 0xff;
    to[11] = 0xff;
    __builtin_memcpy(to + 12, &address, 4);
}

/* AF_UNIX sockets have no addresses here: only family and namespace are set. */
INLINE void read_tuple(struct tuple *tuple, struct sock *sk)
{
    struct net *net = NULL;
    u16 port = 0;
    u32 local = 0;
    u32 remote = 0;

    __builtin_memset(tuple, 0, sizeof(*tuple));
    GET(tuple->family, sk->__sk_common.skc_family);
    GET(net, sk->__sk_common.skc_net.net);
    GET(tuple->netns, net->ns.inum);
    if (tuple->family == AF_UNIX)
        return;
    GET(tuple->local_port, sk->__sk_common.skc_num);
    GET(port, sk->__sk_common.skc_dport);
    tuple->remote_port = __builtin_bswap16(port);
    if (tuple->family == AF_INET) {
        GET(local, sk->__sk_common.skc_rcv_saddr);
        GET(remote, sk->__sk_common.skc_daddr);
        mapped(tuple->local, local);
        mapped(tuple->remote, remote);
    } else {
        bpf_probe_read_kernel(tuple->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
        bpf_probe_read_kernel(tuple->remote, 16, &sk->__sk_common.skc_v6_daddr);
    }
}

/* The tuple as a key that both ends agree on: no family, no namespace, seen from the opener. */
INLINE void own_key(struct tuple *key, struct sock *sk, bool opener)
{
    struct tuple tuple;
    read_tuple(&tuple, sk);
    __builtin_memset(key, 0, sizeof(*key));
    __builtin_memcpy(key->local, opener ? tuple.local : tuple.remote, 16);
    __builtin_memcpy(key->remote, opener ? tuple.remote : tuple.local, 16);
    key->local_port = opener ? tuple.local_port : tuple.remote_port;
    key->remote_port = opener ? tuple.remote_port : tuple.local_port;
}

/* A name that no socket had before; the kernel's own cookies are small. */
INLINE u64 new_name(void)
{
    u32 zero = 0;
    struct newborn *newborn = bpf_map_lookup_elem(&newborns, &zero);

    if (!newborn)
        return 0;
    newborn->names += 1;
    return ((u64)bpf_get_smp_processor_id() + 1) << 48 | newborn->names;
}

/* The state by what the socket is remembered by, made if need be. */
INLINE struct socket_state *state_by_key(u64 key)
{
    u32 zero = 0;
    struct socket_state *state = bpf_map_lookup_elem(&sockets_by_address, &key);

    if (state)
        return state;
    struct newborn *newborn = bpf_map_lookup_elem(&newborns, &zero);
    if (!newborn)
        return NULL;
    bpf_map_update_elem(&sockets_by_address, &key, &newborn->state, BPF_ANY);
    return bpf_map_lookup_elem(&sockets_by_address, &key);
}

/* The address of a socket of TCP, which is told when it goes. Others go unseen, and another may be
 * where they were: they are known by the number of their file, which no other had before. */
INLINE u64 key_of(struct sock *sk, u64 inode)
{
    return tcp_of(sk) ? (u64)sk : inode & 0xffffffff; /* no address is that low */
}

/* The state of a socket, if it has one. */
INLINE struct socket_state *known_state_of(struct sock *sk)
{
    u64 address = (u64)sk;

    if (kernel_has & HAS_SOCKET_STORAGE)
        return bpf_sk_storage_get(&sockets, sk, NULL, 0);
    return bpf_map_lookup_elem(&sockets_by_address, &address);
}

/* Its state, made if need be; it has no name yet. */
INLINE struct socket_state *nameless_state_of(struct sock *sk)
{
    struct socket_state *state;

    if (kernel_has & HAS_SOCKET_STORAGE)
        state = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    else
        state = state_by_key((u64)sk);
    if (unlikely(!state))
        count_no_state();
    return state;
}

/* Remembers where the received stream stands, so that bytes can be counted that pass unseen. */
INLINE void find_base(struct socket_state *state, struct tcp_sock *tcp, u32 just_received)
{
    state->received_base = tcp->copied_seq - (u32)state->received - just_received;
    state->based = 1;
}

/* For tracing programs. */
INLINE struct socket_state *state_of(struct sock *sk)
{
    struct socket_state *state = nameless_state_of(sk);

    if (unlikely(state && !state->cookie))
        state->cookie = kernel_has & HAS_SOCKET_COOKIE ? bpf_get_socket_cookie(sk) : new_name();
    return state;
}

/* For sockets that are numbers. */
INLINE struct socket_state *named_state_of(u64 key)
{
    struct socket_state *state = state_by_key(key);

    if (unlikely(!state))
        count_no_state();
    else if (unlikely(!state->cookie))
        state->cookie = new_name();
    return state;
}

INLINE void forget_state(struct sock *sk)
{
    u64 address = (u64)sk;

    if (!(kernel_has & HAS_SOCKET_STORAGE))
        bpf_map_delete_elem(&sockets_by_address, &address);
}

/* How far a connection has come, for those who notice bytes by that. */
INLINE void take_positions(struct sock *sk, struct socket_state *state)
{
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

    if (!tcp)
        return;
    state->sent_seq = tcp->snd_nxt;
    state->received_seq = tcp->copied_seq;
    state->positions = POSITION_SENT | POSITION_RECEIVED;
}

#endif
