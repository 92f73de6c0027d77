//! The samples that all tests share, by the signals of `pdata`.

use tapline_pdata::Signal;
use tapline_testkit::samples;

/// A request with one item, large enough to be worth compressing.
pub(crate) fn request(signal: Signal) -> Vec<u8> {
    shared(signal).large_sample().encode()
}

/// The gRPC method of a signal.
pub(crate) fn method(signal: Signal) -> &'static str {
    shared(signal).method()
}

/// The HTTP path of a signal.
pub(crate) fn path(signal: Signal) -> &'static str {
    shared(signal).path()
}

fn shared(signal: Signal) -> samples::Signal {
    match signal {
        Signal::Traces => samples::Signal::Traces,
        Signal::Metrics => samples::Signal::Metrics,
        Signal::Logs => samples::Signal::Logs,
        Signal::Profiles => samples::Signal::Profiles,
    }
}
