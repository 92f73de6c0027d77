//! What a client's methods begin, and which deliveries they settle.

use super::{
    Amqp, CONSUMERS_MAX, Consumer, Key, Method,
    content::{Content, What},
    hash,
    method::{Ask, CONFIRM_SELECT, GET},
};
use crate::{
    conversation::Toward,
    cutter::Message,
    messaging::{Destination, Kind, System, name},
    parser::Sink,
};

impl Amqp {
    pub(super) fn ask(
        &mut self,
        number: u16,
        method: Method<'_>,
        message: &Message,
        out: &mut dyn Sink,
    ) {
        match method {
            Method::StartOk { name: client } => {
                self.client = client.and_then(name);
                let request = self.request(message, "connect", None);
                self.open.ask(Key::Connect, (), request, out);
            }
            Method::Open { host } => {
                self.host = name(host);
                if let Some((exchange, ())) = self.open.get_mut(Key::Connect) {
                    exchange.operation.namespace.clone_from(&self.host);
                }
            }
            Method::Ask(ask) => self.want(number, &ask, message, out),
            Method::Publish { exchange, key } => {
                let mut request = self.request(message, "publish", Some(Kind::Send));
                // The exchange without a name sends to the queue that the key names.
                let (to, key) = if exchange.is_empty() {
                    (key, &[][..])
                } else {
                    (exchange, key)
                };
                request.operation.destination = Destination::new(System::Rabbitmq, to);
                request.operation.routing_key = name(key);
                request.operation.messages = Some(1);
                self.announce(number, Toward::Server, Content::new(request, What::Publish));
            }
            Method::Settle {
                how,
                tag,
                is_multiple,
            } => {
                self.settle(number, how, (tag, is_multiple), message, out);
            }
            Method::ChannelClose { .. } => self.leave(number, out),
            _ => {}
        }
    }

    fn want(&mut self, number: u16, ask: &Ask<'_>, message: &Message, out: &mut dyn Sink) {
        let kind = (ask.id == GET).then_some(Kind::Receive);
        let mut request = self.request(message, ask.name, kind);
        request.operation.destination = Destination::new(System::Rabbitmq, ask.about);
        request.operation.routing_key = name(ask.key);
        if ask.name == "consume" {
            self.remember(number, ask);
        } else if ask.name == "cancel" {
            let tag = hash(ask.consumer);
            self.consumers
                .retain(|known| known.channel != number || known.tag != tag);
        } else if ask.id == CONFIRM_SELECT
            && let Some(channel) = self.channel(number)
        {
            channel.next_publish.get_or_insert(1);
        } else if ask.name == "channel.open" {
            self.channels.remove(&number);
        }
        if ask.no_wait {
            self.open.tell(Key::Nothing, request, out);
        } else {
            self.open.ask(Key::Ask(number, ask.id), (), request, out);
        }
    }

    fn remember(&mut self, number: u16, ask: &Ask<'_>) {
        if self.consumers.len() >= CONSUMERS_MAX {
            self.consumers.pop_front();
        }
        self.consumers.push_back(Consumer {
            channel: number,
            tag: hash(ask.consumer),
            queue: ask.about.to_vec(),
            is_auto: ask.is_auto,
        });
    }

    /// Ends deliveries. What settles none that is known is told alone: it is of messages that were
    /// asked for, or were delivered long ago.
    fn settle(
        &mut self,
        number: u16,
        how: &'static str,
        (tag, is_multiple): (u64, bool),
        message: &Message,
        out: &mut dyn Sink,
    ) {
        let when = (message.started_ns, message.ended_ns);
        let is_meant = |key: Key| match key {
            Key::Deliver(channel, known) if channel == number => {
                known == tag || is_multiple && (known < tag || tag == 0)
            }
            _ => false,
        };
        let keys = self.open.late(None, is_meant);
        for key in &keys {
            self.open
                .answer(*key, when, message.bytes(), out, |exchange, ()| {
                    exchange.operation.settled = Some(how);
                });
        }
        if keys.is_empty() {
            let mut request = self.request(message, how, Some(Kind::Settle));
            request.operation.delivery_tag = Some(tag);
            self.open.tell(Key::Nothing, request, out);
        }
    }

    /// The client ends a channel: what it did not settle goes back.
    fn leave(&mut self, number: u16, out: &mut dyn Sink) {
        let is_meant = |key: Key| matches!(key, Key::Deliver(channel, _) if channel == number);
        for key in self.open.late(None, is_meant) {
            self.open.end_as_it_is(key, out);
        }
        self.channels.remove(&number);
        self.consumers.retain(|consumer| consumer.channel != number);
    }

    /// A whole message moved.
    pub(super) fn arrived(&mut self, number: u16, content: Content, out: &mut dyn Sink) {
        let request = content.request;
        match content.what {
            What::Publish => {
                let next = self.channels.get_mut(&number);
                let next = next.and_then(|channel| channel.next_publish.as_mut());
                match next {
                    Some(tag) => {
                        let key = Key::Publish(number, *tag);
                        *tag += 1;
                        self.open.ask(key, (), request, out);
                    }
                    None => self.open.tell(Key::Nothing, request, out),
                }
            }
            What::Deliver { is_auto: true, .. } => self.open.tell(Key::Nothing, request, out),
            What::Deliver { tag, .. } => {
                self.open.ask(Key::Deliver(number, tag), (), request, out);
            }
            What::Get { tag } => {
                let when = (request.started_ns, request.ended_ns);
                let got = request.operation;
                let key = Key::Ask(number, GET);
                self.open
                    .answer(key, when, request.bytes, out, |exchange, ()| {
                        let operation = &mut exchange.operation;
                        operation.messages = Some(1);
                        operation.delivery_tag = Some(tag);
                        operation.body_bytes = got.body_bytes;
                        operation.routing_key = got.routing_key;
                        operation.message_id = got.message_id;
                        operation.conversation_id = got.conversation_id;
                    });
            }
            What::Return => {}
        }
    }
}
