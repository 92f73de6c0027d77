//! Requests that wait for their answers, where answers come in the order of the requests.
//!
//! A pair is certain as long as nothing was lost. After a loss:
//!
//! - A client that was never seen to speak while something was due, behind words of the server,
//!   proves with its next request that nothing older is due.
//! - Any other must be silent for the response timeout, or take turns with the server for a while,
//!   with as many answers as requests each time.
//!
//! What is told of a request belongs to its protocol; this module must not know it.

use std::collections::VecDeque;

use crate::conversation::Unanswered;

/// So many turns in a row with as many answers as requests end the doubt.
const EVEN_TURNS: u32 = 16;

/// A request that waits.
#[derive(Debug)]
pub struct Due<T> {
    /// Its number for the sink.
    pub id: u32,
    /// When its last byte moved.
    pub asked_ns: u64,
    /// What its protocol knows of it; nothing once it was told as unanswered.
    pub what: Option<T>,
}

/// Why requests leave that are not answered: number, what is known, and the reason.
pub type Tell<'t, T> = &'t mut dyn FnMut(u32, T, Unanswered);

/// Requests that wait, in order.
#[derive(Debug)]
pub struct InOrder<T> {
    due: VecDeque<Due<T>>,
    open_max: usize,
    timeout_ns: u64,
    next_id: u32,
    /// Requests behind them that were told at once, because there were too many.
    beyond: u64,
    /// It is not known whether other requests are due behind those.
    in_doubt: bool,
    /// The server said something since the client's last byte.
    spoke: bool,
    /// The client was seen not to wait.
    overlaps: bool,
    turn: Turn,
    /// When the last byte moved, in either direction.
    active_ns: u64,
}

/// What was counted since the client's turn began, and turns in a row that added up.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    asked: u64,
    answered: u64,
    even: u32,
}

/// What the words of a client prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing older is due: the next byte of the server begins an answer.
    Clear,
    /// Nothing new.
    None,
}

impl<T> InOrder<T> {
    /// Creates an empty one.
    pub fn new(open_max: usize, timeout_ns: u64) -> Self {
        Self {
            due: VecDeque::new(),
            open_max,
            timeout_ns,
            next_id: 0,
            beyond: 0,
            in_doubt: false,
            spoke: false,
            overlaps: false,
            turn: Turn::default(),
            active_ns: 0,
        }
    }

    /// The client speaks; called before its bytes are read.
    pub fn hear_client(&mut self, at_ns: u64, tell: Tell<'_, T>) -> Proof {
        let was_silent = self.after_silence(at_ns, tell);
        if !std::mem::take(&mut self.spoke) {
            return was_silent;
        }
        let was_in_doubt = self.in_doubt;
        if self.in_doubt {
            let is_even = self.turn.asked == self.turn.answered && self.turn.asked > 0;
            self.turn.even = if is_even { self.turn.even + 1 } else { 0 };
            if !self.overlaps || self.turn.even >= EVEN_TURNS {
                self.give_up(Unanswered::LostData, tell);
                self.end_doubt();
            }
        } else {
            self.overlaps |= !self.is_empty();
        }
        (self.turn.asked, self.turn.answered) = (0, 0);
        if !self.in_doubt && (was_in_doubt || self.is_empty()) {
            Proof::Clear
        } else {
            was_silent
        }
    }

    /// The server speaks; called before its bytes are read.
    pub fn hear_server(&mut self, at_ns: u64, tell: Tell<'_, T>) -> Proof {
        let proof = self.after_silence(at_ns, tell);
        self.spoke = true;
        proof
    }

    /// Returns the number of a request that is to be told of; `None` while that is not certain.
    pub fn number(&mut self) -> Option<u32> {
        if self.in_doubt {
            self.turn.asked += 1;
            return None;
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        Some(id)
    }

    /// Adds a request that was announced under its number.
    pub fn ask(&mut self, id: u32, asked_ns: u64, what: T, tell: Tell<'_, T>) {
        if self.beyond > 0 || self.due.len() >= self.open_max {
            self.beyond += 1;
            tell(id, what, Unanswered::TooManyOpen);
        } else {
            let what = Some(what);
            self.due.push_back(Due { id, asked_ns, what });
        }
    }

    /// Returns the request whose answer is read now.
    pub fn front_mut(&mut self) -> Option<&mut T> {
        self.due.front_mut().and_then(|due| due.what.as_mut())
    }

    /// Takes out the request that is answered now; `None` if that was told otherwise already.
    pub fn answer(&mut self) -> Option<(u32, T)> {
        self.turn.answered += 1;
        let Some(due) = self.due.pop_front() else {
            self.beyond = self.beyond.saturating_sub(1);
            return None;
        };
        due.what.map(|what| (due.id, what))
    }

    /// Requests may have been sent, unseen, behind the last one.
    pub fn lose_requests(&mut self) {
        self.in_doubt = true;
        self.turn = Turn::default();
        self.spoke = false;
    }

    /// The end of an answer is not known, or answers are missing.
    pub fn lose_answers(&mut self, tell: Tell<'_, T>) {
        self.turn.even = 0;
        self.give_up(Unanswered::LostData, tell);
        self.in_doubt = true;
    }

    /// Tells requests that have waited for too long; their answers are still expected.
    pub fn expire(&mut self, now_ns: u64, tell: Tell<'_, T>) {
        for due in &mut self.due {
            if now_ns.saturating_sub(due.asked_ns) < self.timeout_ns {
                break;
            }
            if let Some(what) = due.what.take() {
                tell(due.id, what, Unanswered::Timeout);
            }
        }
    }

    /// Ends everything that is due, and stops expecting it.
    pub fn give_up(&mut self, why: Unanswered, tell: Tell<'_, T>) {
        for due in self.due.drain(..) {
            if let Some(what) = due.what {
                tell(due.id, what, why);
            }
        }
        self.beyond = 0;
    }

    /// Returns how many requests are announced and not told.
    pub fn open(&self) -> usize {
        self.due.iter().filter(|due| due.what.is_some()).count()
    }

    /// Returns how many are waited for, told or not.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Returns whether nothing is due.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.beyond == 0
    }

    /// Returns whether exactly one request waits, of a client that does not send more meanwhile:
    /// whatever the server says next is for it.
    pub fn is_alone(&self) -> bool {
        self.due.len() == 1 && self.beyond == 0 && !self.in_doubt && !self.overlaps
    }

    /// Returns whether it is unknown which request is answered next.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// A line that was silent for the response timeout owes nothing any more.
    fn after_silence(&mut self, at_ns: u64, tell: Tell<'_, T>) -> Proof {
        let silent_ns = at_ns.saturating_sub(self.active_ns);
        self.active_ns = self.active_ns.max(at_ns);
        if !self.in_doubt || silent_ns < self.timeout_ns {
            return Proof::None;
        }
        self.give_up(Unanswered::LostData, tell);
        self.end_doubt();
        Proof::Clear
    }

    fn end_doubt(&mut self) {
        self.in_doubt = false;
        self.turn = Turn::default();
    }
}
