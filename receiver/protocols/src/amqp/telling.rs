//! What a server's methods end, or begin: answers, confirmations, deliveries, errors.

use super::{
    Amqp, Key, Method,
    content::{Content, What},
    hash,
    method::{Delivery, GET, reply},
};
use crate::{
    conversation::Toward,
    cutter::Message,
    messaging::{Destination, Kind, System, name},
    parser::Sink,
};

/// What a server says when a client closes in peace.
const REPLY_SUCCESS: u16 = 200;

impl Amqp {
    pub(super) fn tell(
        &mut self,
        number: u16,
        method: Method<'_>,
        message: &Message,
        out: &mut dyn Sink,
    ) {
        match method {
            Method::OpenOk => {
                self.answer(Key::Connect, message, None, out);
            }
            Method::Done { of } => {
                self.answer(Key::Ask(number, of), message, None, out);
            }
            Method::GetEmpty => {
                let when = (message.started_ns, message.ended_ns);
                let key = Key::Ask(number, GET);
                self.open
                    .answer(key, when, message.bytes(), out, |exchange, ()| {
                        exchange.operation.messages = Some(0);
                    });
            }
            Method::GetOk(delivery) => {
                let mut request = self.request(message, "get", Some(Kind::Receive));
                request.operation.routing_key = name(delivery.key);
                let what = What::Get { tag: delivery.tag };
                self.announce(number, Toward::Client, Content::new(request, what));
            }
            Method::Deliver(delivery) => self.deliver(number, &delivery, message),
            Method::Return { code, key } => self.give_back(number, code, key, message),
            Method::Settle {
                how,
                tag,
                is_multiple,
            } => {
                self.confirm(number, how, (tag, is_multiple), message, out);
            }
            Method::ChannelClose { code } => self.end_channel(number, code, message, out),
            Method::ConnectionClose { code } => self.end_connection(code, message, out),
            _ => {}
        }
    }

    fn deliver(&mut self, number: u16, delivery: &Delivery<'_>, message: &Message) {
        let tag = hash(delivery.consumer);
        let mut consumers = self.consumers.iter();
        let consumer = consumers.find(|known| known.channel == number && known.tag == tag);
        let is_auto = consumer.is_some_and(|consumer| consumer.is_auto);
        let queue = consumer.map_or(&[][..], |consumer| &consumer.queue);
        let mut request = self.request(message, "deliver", Some(Kind::Receive));
        let operation = &mut request.operation;
        operation.is_push = true;
        operation.messages = Some(1);
        operation.delivery_tag = Some(delivery.tag);
        operation.routing_key = name(delivery.key).filter(|_| !delivery.exchange.is_empty());
        let names = [queue, delivery.exchange, delivery.key];
        let named = names.into_iter().find(|name| !name.is_empty());
        operation.destination = named.and_then(|name| Destination::new(System::Rabbitmq, name));
        let what = What::Deliver {
            tag: delivery.tag,
            is_auto,
        };
        self.announce(number, Toward::Client, Content::new(request, what));
    }

    /// A publication that reached no queue comes back before it is confirmed: it is the oldest one
    /// with its key.
    fn give_back(&mut self, number: u16, code: u16, key: &[u8], message: &Message) {
        let request = self.request(message, "return", None);
        self.announce(number, Toward::Client, Content::new(request, What::Return));
        let wanted = name(key);
        let is_meant = |key: Key| matches!(key, Key::Publish(channel, _) if channel == number);
        for key in self.open.late(None, is_meant) {
            let Some((exchange, ())) = self.open.get_mut(key) else {
                continue;
            };
            let operation = &exchange.operation;
            let to = operation.destination.as_ref().map(|to| &to.name);
            let is_of = operation.routing_key == wanted || to == wanted.as_ref();
            if is_of && exchange.error.is_none() {
                exchange.error = Some(reply(code).into());
                return;
            }
        }
    }

    fn confirm(
        &mut self,
        number: u16,
        how: &'static str,
        (tag, is_multiple): (u64, bool),
        message: &Message,
        out: &mut dyn Sink,
    ) {
        let error = (how == "nack").then_some("NACK");
        let is_meant = |key: Key| match key {
            Key::Publish(channel, known) if channel == number => {
                known == tag || is_multiple && (known < tag || tag == 0)
            }
            _ => false,
        };
        for key in self.open.late(None, is_meant) {
            self.answer(key, message, error, out);
        }
    }

    /// A channel ends with an error, and with it what waits on it.
    fn end_channel(&mut self, number: u16, code: u16, message: &Message, out: &mut dyn Sink) {
        let is_of_channel = |key: Key| match key {
            Key::Ask(channel, _) | Key::Publish(channel, _) | Key::Deliver(channel, _) => {
                channel == number
            }
            Key::Connect | Key::Nothing => false,
        };
        let keys = self.open.late(None, is_of_channel);
        self.end_with_error(keys, "channel.close", code, message, out);
        self.channels.remove(&number);
        self.consumers.retain(|consumer| consumer.channel != number);
    }

    fn end_connection(&mut self, code: u16, message: &Message, out: &mut dyn Sink) {
        let keys = self.open.late(None, |_| true);
        self.end_with_error(keys, "connection.close", code, message, out);
        self.channels.clear();
        self.consumers.clear();
    }

    fn end_with_error(
        &mut self,
        keys: Vec<Key>,
        called: &'static str,
        code: u16,
        message: &Message,
        out: &mut dyn Sink,
    ) {
        let error = (code != REPLY_SUCCESS).then(|| reply(code));
        let mut is_told = error.is_none();
        for key in keys {
            if matches!(key, Key::Deliver(..)) {
                self.open.end_as_it_is(key, out);
            } else {
                is_told |= self.answer(key, message, error, out);
            }
        }
        if !is_told {
            // It is of something that nobody waits for, such as an unconfirmed publication.
            let mut request = self.request(message, called, None);
            request.operation.is_push = true;
            self.open.ask(Key::Nothing, (), request, out);
            self.answer(Key::Nothing, message, error, out);
        }
    }
}
