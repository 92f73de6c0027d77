/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copying the bytes of a socket call into a scratch, from wherever they are. */
#ifndef TAPLINE_COPY_H
#define TAPLINE_COPY_H

#include "buffer.h"

/* As many pieces of a call are looked at where programs have no loops but unrolled ones. */
#define PIECES_READ 32

/* One step of a walk that is kept in the scratch, so that the steps are verified once. */
VERIFIED_ALONE u32 read_iovec(u32 index, u32 which)
{
    struct scratch *scratch = scratch_of(which);
    struct iovec piece;

    if (!scratch || scratch->walk.left == 0)
        return 1;
    struct reading *walk = &scratch->walk;
    if (bpf_probe_read_user(&piece, sizeof(piece), (void *)(walk->array + index * sizeof(piece))))
        return 1;
    if (walk->skip >= piece.len) {
        walk->skip -= piece.len;
        return 0;
    }
    u64 base = piece.base + walk->skip;
    u64 here = piece.len - walk->skip;
    walk->skip = 0;
    if (here > walk->left)
        here = walk->left;
    if (walk->copied < walk->want) {
        u64 room = walk->want - walk->copied;
        u64 size = here < room ? here : room;
        u32 arrived = copy_piece(scratch, walk->copied, base, size);
        walk->copied += arrived;
        if (arrived < size)
            walk->want = walk->copied; /* a hole: what follows would not be adjacent */
    }
    read_tail(scratch, base, walk->len - walk->left, here, walk->len);
    walk->left -= here;
    return 0;
}

/* As `copy_payload`, without loops and behind as many bytes of the buffer as the walk in the scratch
 * says. */
VERIFIED_ALONE u32 read_payload(u64 address, u64 pieces, u32 len, u32 want, u32 which)
{
    struct scratch *scratch = scratch_of(which);

    if (!scratch)
        return 0;
    u64 skip = scratch->walk.skip;
    if (want > len)
        want = len;
    if (pieces == 0) {
        u32 copied = copy_piece(scratch, 0, address + skip, want);
        if (copied < len)
            read_tail(scratch, address + skip, 0, len, len);
        return copied;
    }
    scratch->walk.array = address;
    scratch->walk.left = len;
    scratch->walk.want = want;
    scratch->walk.copied = 0;
    scratch->walk.len = len;
    for (u32 i = 0; i < PIECES_READ && i < pieces; i++)
        if (read_iovec(i, which))
            break;
    return scratch->walk.copied;
}

/* Copies up to `want` of the `len` bytes at `from` of a packet, and their tail. */
APART u32 copy_packet(struct __sk_buff *packet, u32 which, u32 from, u32 len, u32 want)
{
    struct scratch *scratch = scratch_of(which);

    if (!scratch || want == 0 || len == 0)
        return 0;
    u32 size = want < len ? want : len;
    u32 tail = len < TAIL_MAX ? len : TAIL_MAX;
    /* Less one, so that the verifier sees a size that is not zero. */
    size -= 1;
    OPAQUE(size);
    if (size >= CAPTURE_MAX)
        return 0;
    if (bpf_skb_load_bytes(packet, from, scratch->data, size + 1)) {
        struct loss *loss = my_losses();
        if (loss)
            loss->unreadable += 1;
        return 0;
    }
    if (size + 1 < len) {
        u32 at = from + len - tail;
        tail -= 1;
        OPAQUE(tail);
        if (tail < TAIL_MAX)
            bpf_skb_load_bytes(packet, at, scratch->tail, tail + 1);
    }
    return size + 1;
}

INLINE u32 copy_behind(const struct buffer *buffer, u32 len, u32 want)
{
    u32 which = buffer->other.scratch;
    struct scratch *scratch = scratch_of(which);

    if (!scratch)
        return 0;
    scratch->walk.skip = buffer->other.skip;
    return read_payload(buffer->address, buffer->pieces, len, want, which);
}

/* Copies up to `want` of the `len` bytes that moved into the buffer's scratch, and their tail. */
INLINE u32 copy_bytes(const struct buffer *buffer, enum source source, u32 len, u32 want)
{
    const struct elsewhere *other = &buffer->other;

    switch (source) {
    case SOURCE_PACKET:
        return copy_packet(other->packet, other->scratch, buffer->address, len, want);
    case SOURCE_READ:
        return copy_behind(buffer, len, want);
    default:
        return copy_payload(buffer->address, buffer->pieces, len, want, other->scratch);
    }
}

#endif
