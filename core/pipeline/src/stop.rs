//! The one way a component learns that it should end.

use tokio_util::sync::CancellationToken;

/// Tells work to finish. Cheap to clone; every clone sees the same request.
#[derive(Clone, Debug, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Makes a stop that nobody has requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything that holds a clone to finish.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// Returns whether finishing was requested.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until finishing is requested. Cancel-safe.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }
}
