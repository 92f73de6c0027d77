//! What the kernel half should do with the bytes of a connection, and when it must be told.

use super::reader::{Requests, Standing};
use crate::ebpf::emit::Side;
use tapline_ebpf::{
    Knows,
    abi::{
        Mode, ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN, VERDICT_ALONE, VERDICT_EVERY_CALL,
        VERDICT_LOOK, Verdict,
    },
};

/// The kernel half may have forgotten a verdict before it was asked for; then it is told again.
const AGAIN_NS: u64 = 1_000_000_000;

/// What was said of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judge {
    given: Option<Verdict>,
    given_ns: u64,
}

impl Judge {
    /// Returns what the kernel half has to be told, which took the connection for `mode` at a time,
    /// and its exchanges for such that stand alone, or not.
    pub(super) fn verdict(
        &mut self,
        standing: Standing,
        side: Option<Side>,
        (mode, is_alone): (u8, bool),
        at_ns: u64,
    ) -> Option<(Verdict, Knows)> {
        let verdict = wanted(standing, side)?;
        let is_said = self.given == Some(verdict);
        // What the kernel half recognised by itself, it also finds the messages of.
        let is_known = (verdict.flags & VERDICT_ALONE != 0) == is_alone;
        let is_found =
            self.given.is_none() && is_known && !matches!(standing, Standing::Closely(_));
        let is_done = mode == verdict.mode && (is_said || is_found);
        let is_due = !is_said || at_ns.saturating_sub(self.given_ns) > AGAIN_NS;
        if is_done || !is_due {
            return None;
        }
        self.given = Some(verdict);
        self.given_ns = at_ns;
        let knows = if mode == Mode::Pending as u8 {
            Knows::Nothing
        } else {
            Knows::Another
        };
        Some((verdict, knows))
    }
}

fn wanted(standing: Standing, side: Option<Side>) -> Option<Verdict> {
    let (mode, flags) = match standing {
        Standing::Open => return None,
        Standing::Read(requests) | Standing::Closely(requests) => {
            (Mode::Parse, VERDICT_EVERY_CALL | alone(requests))
        }
        Standing::Unknown => (Mode::Lengths, VERDICT_LOOK | VERDICT_ALONE),
        Standing::Hidden => (Mode::Lengths, VERDICT_ALONE),
    };
    let role = match side {
        Some(Side::Client) => ROLE_CLIENT,
        Some(Side::Server) => ROLE_SERVER,
        None => ROLE_UNKNOWN,
    };
    Some(Verdict {
        mode: mode as u8,
        role,
        flags,
        ..Verdict::default()
    })
}

fn alone(requests: Requests) -> u8 {
    match requests {
        Requests::Alone => VERDICT_ALONE,
        Requests::InTurn => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PENDING: (u8, bool) = (Mode::Pending as u8, false);
    const LENGTHS: (u8, bool) = (Mode::Lengths as u8, true);
    const READ: Standing = Standing::Read(Requests::InTurn);
    const CLOSELY: Standing = Standing::Closely(Requests::InTurn);

    #[test]
    fn says_once_what_it_takes_a_connection_for() {
        let mut judge = Judge::default();
        assert_eq!(judge.verdict(Standing::Open, None, PENDING, 1), None);
        let (verdict, knows) = judge
            .verdict(Standing::Unknown, None, PENDING, 2)
            .expect("a verdict");
        assert_eq!((verdict.mode, knows), (LENGTHS.0, Knows::Nothing));
        assert_eq!(judge.verdict(Standing::Unknown, None, PENDING, 3), None);
        assert_eq!(judge.verdict(Standing::Unknown, None, LENGTHS, 4), None);
    }

    #[test]
    fn leaves_alone_what_the_kernel_half_recognised_by_itself() {
        let mut judge = Judge::default();
        let parse = Mode::Parse as u8;
        assert_eq!(judge.verdict(READ, None, (parse, false), 1), None);
        let (verdict, _) = judge.verdict(READ, None, PENDING, 1).expect("a verdict");
        assert_eq!((verdict.mode, verdict.flags), (parse, VERDICT_EVERY_CALL));
    }

    #[test]
    fn asks_for_more_of_what_the_kernel_half_recognised_by_itself() {
        let mut judge = Judge::default();
        let parse = (Mode::Parse as u8, false);
        let (verdict, knows) = judge.verdict(CLOSELY, None, parse, 1).expect("a verdict");
        assert_eq!((verdict.flags, knows), (VERDICT_EVERY_CALL, Knows::Another));
        assert_eq!(judge.verdict(CLOSELY, None, parse, 2), None);
    }

    #[test]
    fn says_again_what_was_not_heard() {
        let mut judge = Judge::default();
        let first = judge.verdict(Standing::Hidden, None, PENDING, 1);
        let again = judge.verdict(Standing::Hidden, None, PENDING, 2 + AGAIN_NS);
        assert_eq!(first, again);
        assert!(first.is_some());
    }

    #[test]
    fn a_change_of_mind_makes_the_kernel_ask_again() {
        let mut judge = Judge::default();
        let parse = Mode::Parse as u8;
        let side = Some(Side::Server);
        let (verdict, knows) = judge
            .verdict(Standing::Hidden, side, (parse, false), 1)
            .expect("a verdict");
        assert_eq!((verdict.mode, knows), (LENGTHS.0, Knows::Another));
        assert_eq!(verdict.role, ROLE_SERVER);
    }

    #[test]
    fn says_that_what_was_recognised_goes_on_as_something_else() {
        let mut judge = Judge::default();
        let parse = Mode::Parse as u8;
        let alone = Standing::Read(Requests::Alone);
        assert_eq!(judge.verdict(alone, None, (parse, true), 1), None);
        // A WebSocket now: none of its messages is understood without the others.
        let (verdict, knows) = judge
            .verdict(READ, None, (parse, true), 2)
            .expect("a verdict");
        assert_eq!((verdict.mode, knows), (parse, Knows::Another));
        assert_eq!(verdict.flags, VERDICT_EVERY_CALL);
        assert_eq!(judge.verdict(READ, None, (parse, false), 3), None);
    }
}
