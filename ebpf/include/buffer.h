/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copies bytes out of user memory, from one buffer or from many pieces. Which, `call.h` finds. */
#ifndef TAPLINE_BUFFER_H
#define TAPLINE_BUFFER_H

#include "maps.h"

/* As many as the kernel takes in one call; the walk stops where the call did. */
#define IOV_MAX 1024

struct iovec {
    u64 base;
    u64 len;
};

struct iovec32 {
    u32 base;
    u32 len;
};

/* Where bytes are. Always handed on as a constant, so that a program has no code for others: they
 * take helpers that it may not call, or loops that old kernels do not have. */
enum source {
    SOURCE_CALL = 0,   /* user memory, as the running call says */
    SOURCE_READ = 1,   /* the same, where programs have no loops and a call is told in parts */
    SOURCE_PACKET = 2, /* a packet: `address` is where in it */
};

struct elsewhere {
    struct __sk_buff *packet;
    u64 skip; /* SOURCE_READ: bytes that earlier parts of the call have filled */
    u32 scratch; /* where copies go */
    u32 pad;
};

/* One contiguous buffer (`pieces` 0), or an array of so many iovecs, of these kinds: */
#define PIECES_OF_32_BITS (1ULL << 62) /* as 32-bit programs lay them out */
#define PIECES_IN_KERNEL (1ULL << 63)  /* the array was copied by the kernel; the bytes were not */
#define PIECES_KINDS (PIECES_OF_32_BITS | PIECES_IN_KERNEL)
struct buffer {
    u64 address;
    u64 pieces;
    u64 peer; /* a sockaddr that names the other end; 0 if the call has none */
    struct elsewhere other; /* when they are not simply where a call says, see copy.h */
};

/* Reads what a piece has of the call's last bytes. The piece is bytes [at, at + size) of `len`. */
INLINE void read_tail(struct scratch *scratch, u64 base, u64 at, u64 size, u64 len)
{
    u64 tail_at = len > TAIL_MAX ? len - TAIL_MAX : 0;
    u64 from = at > tail_at ? at : tail_at;
    u32 offset = from - tail_at;
    u32 count = at + size - from;

    if (at + size <= tail_at)
        return;
    if (count == 0)
        return;
    OPAQUE(offset);
    OPAQUE(count);
    if (offset >= TAIL_MAX || count > TAIL_MAX)
        return;
    bpf_probe_read_user(scratch->tail + offset, count, (void *)(base + (from - at)));
}

/* Copies one contiguous piece behind the first `at` bytes; returns how many bytes arrived. */
INLINE u32 copy_piece(struct scratch *scratch, u32 at, u64 base, u64 want)
{
    u32 offset = at;
    u32 size = want;

    /* Each bound is a test of its own: merged into one subtraction, as clang does when it can, only
     * the verifiers of the newest kernels see it. */
    if (size == 0)
        return 0;
    OPAQUE(offset);
    OPAQUE(size);
    if (offset >= CAPTURE_MAX || size > CAPTURE_MAX)
        return 0;
    if (bpf_probe_read_user(scratch->data + offset, size, (void *)base)) {
        struct loss *loss = my_losses();
        if (loss)
            loss->unreadable += 1;
        return 0;
    }
    return size;
}

/* Reads one piece of an array; returns whether it is there. */
INLINE bool read_piece(struct iovec *piece, u64 array, u64 kinds, u32 index)
{
    struct iovec32 small;

    if (kinds & PIECES_IN_KERNEL)
        return !bpf_probe_read_kernel(piece, sizeof(*piece),
                                      (void *)(array + index * sizeof(*piece)));
    if (!(kinds & PIECES_OF_32_BITS))
        return !bpf_probe_read_user(piece, sizeof(*piece),
                                    (void *)(array + index * sizeof(*piece)));
    if (bpf_probe_read_user(&small, sizeof(small), (void *)(array + index * sizeof(small))))
        return false;
    piece->base = small.base;
    piece->len = small.len;
    return true;
}

/* A walk over an iovec array. */
struct walk {
    u64 array;
    u64 kinds;
    u64 left; /* bytes of the call not yet passed */
    u32 want;
    u32 copied;
    u32 len;
    u32 which; /* scratch */
};

static long copy_iovec(u32 index, struct walk *walk)
{
    struct scratch *scratch = scratch_of(walk->which);
    struct iovec piece;

    if (!scratch || walk->left == 0)
        return 1;
    if (!read_piece(&piece, walk->array, walk->kinds, index))
        return 1;
    u64 here = piece.len < walk->left ? piece.len : walk->left;
    if (walk->copied < walk->want) {
        u64 room = walk->want - walk->copied;
        u64 size = here < room ? here : room;
        u32 arrived = copy_piece(scratch, walk->copied, piece.base, size);
        walk->copied += arrived;
        if (arrived < size)
            walk->want = walk->copied; /* a hole: what follows would not be adjacent */
    }
    read_tail(scratch, piece.base, walk->len - walk->left, here, walk->len);
    walk->left -= here;
    return 0;
}

/* Copies into one of this CPU's scratches up to `want` of the `len` bytes that the call moved, and their
 * tail into `tail`. `pieces` is 0 for one buffer at `address`, else the length of the array there. */
VERIFIED_ALONE u32 copy_payload(u64 address, u64 pieces, u32 len, u32 want, u32 which)
{
    struct scratch *scratch = scratch_of(which);
    u32 copied;

    if (!scratch)
        return 0;
    if (want > len)
        want = len;
    if (pieces == 0) {
        copied = copy_piece(scratch, 0, address, want);
        if (copied < len)
            read_tail(scratch, address, 0, len, len);
        return copied;
    }
    struct walk walk = {
        .array = address, .left = len, .want = want, .len = len, .which = which};
    walk.kinds = pieces & PIECES_KINDS;
    pieces &= ~PIECES_KINDS;
    bpf_loop(pieces < IOV_MAX ? pieces : IOV_MAX, copy_iovec, &walk, 0);
    return walk.copied;
}

#endif
