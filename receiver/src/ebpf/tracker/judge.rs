//! What the kernel half should do with the bytes of a connection, and when it must be told.

use super::reader::Standing;
use crate::ebpf::emit::Side;
use tapline_ebpf::{
    Knows,
    abi::{
        Mode, ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN, VERDICT_EVERY_CALL, VERDICT_LOOK, Verdict,
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
    /// Returns what the kernel half has to be told, which took the connection for `mode` at a time.
    pub(super) fn verdict(
        &mut self,
        standing: Standing,
        side: Option<Side>,
        mode: u8,
        at_ns: u64,
    ) -> Option<(Verdict, Knows)> {
        let verdict = wanted(standing, side)?;
        let is_said = self.given == Some(verdict);
        // What the kernel half recognised by itself, it also finds the messages of.
        let is_found = self.given.is_none() && standing != Standing::Closely;
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
        Standing::Read | Standing::Closely => (Mode::Parse, VERDICT_EVERY_CALL),
        Standing::Unknown => (Mode::Lengths, VERDICT_LOOK),
        Standing::Hidden => (Mode::Lengths, 0),
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

#[cfg(test)]
mod tests {
    use super::*;

    const PENDING: u8 = Mode::Pending as u8;
    const LENGTHS: u8 = Mode::Lengths as u8;

    #[test]
    fn says_once_what_it_takes_a_connection_for() {
        let mut judge = Judge::default();
        assert_eq!(judge.verdict(Standing::Open, None, PENDING, 1), None);
        let (verdict, knows) = judge
            .verdict(Standing::Unknown, None, PENDING, 2)
            .expect("a verdict");
        assert_eq!((verdict.mode, knows), (LENGTHS, Knows::Nothing));
        assert_eq!(judge.verdict(Standing::Unknown, None, PENDING, 3), None);
        assert_eq!(judge.verdict(Standing::Unknown, None, LENGTHS, 4), None);
    }

    #[test]
    fn leaves_alone_what_the_kernel_half_recognised_by_itself() {
        let mut judge = Judge::default();
        let parse = Mode::Parse as u8;
        assert_eq!(judge.verdict(Standing::Read, None, parse, 1), None);
        let (verdict, _) = judge
            .verdict(Standing::Read, None, PENDING, 1)
            .expect("a verdict");
        assert_eq!((verdict.mode, verdict.flags), (parse, VERDICT_EVERY_CALL));
    }

    #[test]
    fn asks_for_more_of_what_the_kernel_half_recognised_by_itself() {
        let mut judge = Judge::default();
        let parse = Mode::Parse as u8;
        let (verdict, knows) = judge
            .verdict(Standing::Closely, None, parse, 1)
            .expect("a verdict");
        assert_eq!((verdict.flags, knows), (VERDICT_EVERY_CALL, Knows::Another));
        assert_eq!(judge.verdict(Standing::Closely, None, parse, 2), None);
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
            .verdict(Standing::Hidden, side, parse, 1)
            .expect("a verdict");
        assert_eq!((verdict.mode, knows), (LENGTHS, Knows::Another));
        assert_eq!(verdict.role, ROLE_SERVER);
    }
}
