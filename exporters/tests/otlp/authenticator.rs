//! An authenticator with a token for one request.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use tapline_config::ComponentId;
use tapline_pdata::{Origin, Signal};
use tapline_pipeline::{BuildContext, ClientAuth, HeaderFields, ServiceTable, Services};

use crate::batches::context;

#[derive(Default)]
struct OneToken(AtomicU32);

#[async_trait]
impl ClientAuth for OneToken {
    async fn credentials(&self, _origin: Option<&Origin>) -> Result<HeaderFields, String> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(vec![("authorization".to_owned(), "Bearer 1".to_owned())]),
            _ => Err("the token has expired".to_owned()),
        }
    }
}

/// Makes a context in which `bearertokenauth` exists.
pub(crate) fn trusted(signal: Signal) -> BuildContext {
    let id = ComponentId::parse("bearertokenauth").expect("is an id");
    let services = Services {
        client_auth: Some(Arc::new(OneToken::default())),
        ..Services::default()
    };
    let mut cx = context(signal);
    cx.shared.services = ServiceTable::new([(id, services)]);
    cx
}
