//! One stream: a request with its response, while they are under way.

use super::{
    grpc,
    head::{Fields, Text},
    messages::Messages,
};
use crate::{
    conversation::Toward,
    http,
    over_http::{self, Watch},
};

/// A request and what came of it so far.
#[derive(Debug)]
pub(super) struct Stream {
    /// Its number on the wire.
    pub(super) id: u32,
    /// Its number for the sink.
    pub(super) number: u32,
    pub(super) request: Fields,
    /// The request, if it was made in HTTP/1.
    pub(super) origin: Option<Box<http::Request>>,
    pub(super) response: Fields,
    /// What is counted of either direction.
    pub(super) ways: [Way; 2],
    pub(super) started_ns: u64,
    pub(super) request_ended_ns: u64,
    pub(super) response_started_ns: Option<u64>,
    pub(super) ended_ns: u64,
    /// When a byte of it moved last.
    pub(super) active_ns: u64,
    pub(super) request_thread: u64,
    pub(super) response_thread: Option<u64>,
    /// Whether headers came behind the response.
    pub(super) has_trailers: bool,
    pub(super) held: usize,
    /// Follows the bodies, if they may be more than that.
    watch: Option<Box<Watch>>,
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Everything was said.
    pub(super) is_over: bool,
    /// Something of it may not have been seen.
    pub(super) is_doubtful: bool,
    pub(super) messages: Messages,
    pub(super) body_bytes: u64,
    pub(super) bytes: u64,
}

/// The end of a head: when it began, when it ended, and who moved its last byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) started_ns: u64,
    pub(super) at_ns: u64,
    pub(super) thread: u64,
}

pub(super) fn index(toward: Toward) -> usize {
    match toward {
        Toward::Server => 0,
        Toward::Client => 1,
    }
}

impl Stream {
    pub(super) fn new(id: u32, number: u32, request: Fields, when: Moment) -> Self {
        let method = request.method.as_ref().map_or("", Text::as_str);
        let path = request.path.as_ref().map_or("", Text::as_str);
        let user_agent = request.more.user_agent.as_ref().map(Text::as_str);
        let watch = Watch::of(method, path, user_agent);
        Self {
            id,
            number,
            // A watch is counted by what it may come to hold.
            held: request.held()
                + size_of::<Self>()
                + watch.as_ref().map_or(0, |_| over_http::BYTES_MAX),
            request,
            origin: None,
            response: Fields::default(),
            ways: <[Way; 2]>::default(),
            started_ns: when.started_ns,
            request_ended_ns: when.at_ns,
            response_started_ns: None,
            ended_ns: when.at_ns,
            active_ns: when.at_ns,
            request_thread: when.thread,
            response_thread: None,
            has_trailers: false,
            watch,
        }
    }

    pub(super) fn way(&mut self, toward: Toward) -> &mut Way {
        &mut self.ways[index(toward)]
    }

    /// Returns whether the whole response was read.
    pub(super) fn is_answered(&self) -> bool {
        self.ways[1].is_over
    }

    /// Returns whether the whole request was read.
    pub(super) fn is_asked(&self) -> bool {
        self.ways[0].is_over
    }

    /// Returns whether its data may be messages of a call.
    pub(super) fn may_be_grpc(&self) -> bool {
        match &self.request.content_type {
            Some(known) => grpc::is_content_type(known.as_str()),
            None => self.request.has_unknown,
        }
    }

    /// Returns whether it is a call: by what it says, or where that is not known, by the shape of
    /// everything that was said: messages to the last byte, and trailers.
    pub(super) fn is_grpc(&self) -> bool {
        let says = |fields: &Fields| {
            let known = fields.content_type.as_ref();
            known.map(|known| grpc::is_content_type(known.as_str()))
        };
        if let Some(is_grpc) = says(&self.request) {
            return is_grpc;
        }
        if !self.request.has_unknown {
            return false;
        }
        if let Some(is_grpc) = says(&self.response) {
            return is_grpc;
        }
        let [asked, told] = &self.ways;
        self.response.grpc_status.is_some()
            || self.has_trailers
                && asked.messages.are_whole()
                && (told.messages.are_whole() || told.messages.are_none())
    }

    /// Reads data.
    pub(super) fn on_data(&mut self, toward: Toward, bytes: &[u8], at_ns: u64) {
        let may_be_grpc = self.may_be_grpc();
        self.active_ns = at_ns;
        let way = self.way(toward);
        way.body_bytes += bytes.len() as u64;
        if may_be_grpc {
            way.messages.read(bytes, at_ns);
        }
        if let Some(body) = self.watched(toward) {
            body.push(bytes);
        }
        self.touch(toward, at_ns);
    }

    /// Passes over data that was not seen.
    pub(super) fn on_unseen_data(&mut self, toward: Toward, bytes: u64, at_ns: u64) {
        self.active_ns = at_ns;
        let way = self.way(toward);
        way.body_bytes += bytes;
        way.messages.pass(bytes);
        if let Some(body) = self.watched(toward) {
            body.skip();
        }
        self.touch(toward, at_ns);
    }

    /// Takes the head of the final response.
    pub(super) fn on_head(&mut self, fields: Fields, when: Moment) {
        self.response = fields;
        self.response_started_ns = Some(when.started_ns);
        self.response_thread = Some(when.thread);
    }

    /// Takes headers behind the response.
    pub(super) fn on_trailers(&mut self, fields: &Fields) {
        self.has_trailers = true;
        self.response.grpc_status = fields.grpc_status.or(self.response.grpc_status);
        self.response.has_unknown |= fields.has_unknown;
    }

    /// Something of a direction may not have been seen.
    pub(super) fn doubt(&mut self, toward: Toward) {
        let way = self.way(toward);
        way.is_doubtful = true;
        way.messages.lose();
        if let Some(body) = self.watched(toward) {
            body.skip();
        }
    }

    /// Ends following the bodies.
    pub(super) fn take_watch(&mut self) -> Option<Box<Watch>> {
        self.watch.take()
    }

    fn watched(&mut self, toward: Toward) -> Option<&mut over_http::Body> {
        let watch = self.watch.as_mut()?;
        Some(match toward {
            Toward::Server => &mut watch.asked,
            Toward::Client => &mut watch.told,
        })
    }

    pub(super) fn touch(&mut self, toward: Toward, at_ns: u64) {
        self.active_ns = at_ns;
        match toward {
            Toward::Server => self.request_ended_ns = at_ns,
            Toward::Client => self.ended_ns = at_ns,
        }
    }
}
