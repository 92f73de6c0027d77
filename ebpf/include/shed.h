/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Losing honestly. What is lost is counted in exchanges, each once, and when there is too much,
 * whole exchanges are let go: when much waits in the ring, before records get lost at random, and
 * when user space's governor says that it costs the machine too much.
 *
 * An exchange is let go when its hash is below a share, which is told with those that are not: they
 * stand for the others, too. Where exchanges stand alone the hash is of where their first byte stands
 * in the TCP stream: both ends agree on it, on whichever machines they are. Where later ones need
 * earlier ones, it is of the addresses without their order, and holds for a slot of time: then
 * connections are told and let go in turns.
 *
 * Letting go is what the busiest of machines does most: no clock, no lookup but those that must be.
 */
#ifndef TAPLINE_SHED_H
#define TAPLINE_SHED_H

#include "socket.h"

/* All of them. A share of what is told has to fit into 16 bits. */
#define SHARES 65536
#define SHARE_BITS 16

INLINE void count_exchanges_lost(u32 count)
{
    struct loss *loss = my_losses();
    if (loss)
        loss->exchanges += count;
}

INLINE void count_exchange_lost(void)
{
    count_exchanges_lost(1);
}

/* Something of the exchange that goes on is lost. */
INLINE void lose_exchange(struct socket_state *state)
{
    if (state->flags & SOCKET_HIT)
        return;
    state->flags |= SOCKET_HIT;
    count_exchange_lost();
}

/* Which way requests go; a direction that does not exist when that is not known. */
INLINE u8 asking_direction(struct socket_state *state)
{
    return state->role == ROLE_CLIENT   ? DIRECTION_SENT
           : state->role == ROLE_SERVER ? DIRECTION_RECEIVED
                                        : DIRECTION_RECEIVED + 1;
}

/* A number that two ends of a connection agree on, if anything does. */
INLINE u64 connection_of(struct sock *sk, struct socket_state *state)
{
    u16 family = 0;
    u16 port = 0;
    u16 peer_port = 0;
    u32 address = 0;
    u32 peer_address = 0;

    GET(family, sk->__sk_common.skc_family);
    if (family == AF_UNIX)
        return state->cookie;
    GET(port, sk->__sk_common.skc_num);
    GET(peer_port, sk->__sk_common.skc_dport);
    GET(address, sk->__sk_common.skc_rcv_saddr);
    GET(peer_address, sk->__sk_common.skc_daddr);
    u64 ports = port ^ __builtin_bswap16(peer_port);
    return ports << 32 ^ address ^ peer_address;
}

/* Where bytes stand that just moved, before they are in the socket's own counters: the number of the
 * first in its TCP stream. Else where the two ends of a connection seen from its beginning agree,
 * but for AF_UNIX, whose sockets know nothing of each other here. */
INLINE u64 place_of(struct sock *sk, struct socket_state *state, u8 direction, u32 len, u32 end_seq)
{
    struct tcp_sock *tcp;

    if (end_seq)
        return end_seq - len;
    tcp = tcp_of(sk);
    if (tcp) {
        if (direction == DIRECTION_SENT)
            GET(end_seq, tcp->write_seq);
        else
            GET(end_seq, tcp->copied_seq);
        return end_seq - len;
    }
    u64 offset = direction == DIRECTION_SENT ? state->sent : state->received;
    return connection_of(sk, state) << 24 ^ offset;
}

INLINE u32 hash_below_shares(u64 number)
{
    u64 mixed = number * 0xd6e8feb86659fd93ull;
    mixed ^= mixed >> 32;
    mixed *= 0xd6e8feb86659fd93ull;
    return mixed >> (64 - SHARE_BITS);
}

/* What the ring wants to be let go. */
INLINE u32 share_of_ring(struct control *control, u64 waiting)
{
    u64 range = control->data_until - control->shed_from;
    u64 over = waiting - control->shed_from;

    if (likely(waiting <= control->shed_from))
        return 0;
    return over >= range ? SHARES : over * SHARES / range;
}

/* Lets the exchange that begins at `place` go, or not. Returns which chance of it there was, of
 * SHARES; a result that is used, for without one the verifier sees whatever was in its place. */
APART u32 decide_share(struct sock *sk, struct socket_state *state, struct control *control,
                       u64 waiting, u64 place)
{
    u32 ring = share_of_ring(control, waiting);
    u32 share = control->shed_share;
    bool alone = state->verdict_flags & VERDICT_ALONE;

    state->governed = ring <= share;
    if (ring > share)
        share = ring;
    else if (!alone && state->slot == control->slot)
        return state->shed_share;
    /* What the ring makes us do holds for this exchange only. */
    state->slot = state->governed ? control->slot : control->slot - 1;
    if (!alone)
        place = connection_of(sk, state) ^ control->slot * 0x9e3779b97f4a7c15ull;
    bool shed = hash_below_shares(place) < share;
    if (shed && !alone && !(state->flags & SOCKET_SHED)) {
        struct loss *loss = my_losses();
        if (loss)
            loss->shed_connections += 1;
    }
    state->flags = shed ? state->flags | SOCKET_SHED : state->flags & ~SOCKET_SHED;
    return share < SHARES ? share : SHARES - 1;
}

/* Whether a turn this way begins an exchange. Not knowing who asks, we call that an exchange which
 * begins the way the socket was first seen to be used: as many, and told nowhere. */
INLINE bool is_asking(struct socket_state *state, u8 direction)
{
    if (state->role == ROLE_UNKNOWN)
        return state->first_direction == direction + 1;
    return asking_direction(state) == direction;
}

/* A new exchange begins with bytes that just moved, as far as turns can tell: it is followed as a
 * whole, or let go. */
INLINE void begin_exchange(struct sock *sk, struct socket_state *state, struct control *control,
                           u8 direction, u32 len, u32 end_seq)
{
    u64 waiting = bytes_waiting();

    state->flags &= ~SOCKET_HIT;
    if (likely(waiting <= control->shed_from && control->shed_share == 0)) {
        state->flags &= ~SOCKET_SHED;
        state->shed_share = 0;
        return;
    }
    u64 place = place_of(sk, state, direction, len, end_seq);
    state->shed_share = decide_share(sk, state, control, waiting, place);
}

INLINE void count_shed(struct socket_state *state)
{
    if (likely(state->flags & SOCKET_HIT))
        return;
    state->flags |= SOCKET_HIT;
    struct loss *loss = my_losses();
    if (!loss)
        return;
    loss->exchanges += 1;
    loss->shed += 1;
    loss->governed += state->governed;
}

#endif
