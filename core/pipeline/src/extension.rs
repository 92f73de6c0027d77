//! Extensions: what serves the process and other components, and what they offer to each other.
//!
//! This module must not know any concrete extension.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use tapline_config::ComponentId;
use tapline_pdata::Origin;

use crate::{StartError, Stop, Storage, Work};

/// Serves the process. Building it has no side effects; starting it acquires.
#[async_trait]
pub trait Extension: Send + Sync {
    /// Returns what other components may use of it. Asked before anything is started.
    fn offers(&self) -> Services {
        Services::default()
    }

    /// Acquires what can fail, then returns the work that runs until `stop`, if there is any.
    async fn start(self: Arc<Self>, stop: Stop) -> Result<Option<Work>, StartError>;
}

/// What an extension offers to other components.
#[derive(Clone, Default)]
pub struct Services {
    /// Keeps data on disk.
    pub storage: Option<Arc<dyn Storage>>,
    /// Proves who we are to a server.
    pub client_auth: Option<Arc<dyn ClientAuth>>,
    /// Finds out who a client is.
    pub server_auth: Option<Arc<dyn ServerAuth>>,
}

/// Header fields: lower-case names and their values. Values may be secret.
pub type HeaderFields = Vec<(String, String)>;

/// Adds credentials to requests.
#[async_trait]
pub trait ClientAuth: Send + Sync {
    /// Returns the headers to send with the next request. May be asked for every request.
    async fn credentials(&self, origin: Option<&Origin>) -> Result<HeaderFields, String>;
}

/// Checks the credentials of requests.
#[async_trait]
pub trait ServerAuth: Send + Sync {
    /// Looks at the headers of a request; returns what it knows about the client, such as
    /// `username`, or why it is turned away, which the client is told.
    async fn authenticate(
        &self,
        header: &(dyn for<'h> Fn(&'h str) -> Option<String> + Sync),
    ) -> Result<Vec<(String, String)>, String>;
}

/// The services of every extension, by id. Cheap to clone.
#[derive(Clone, Default)]
pub struct ServiceTable(Arc<BTreeMap<ComponentId, Services>>);

impl ServiceTable {
    /// Makes a table of these services.
    pub fn new(services: impl IntoIterator<Item = (ComponentId, Services)>) -> Self {
        Self(Arc::new(services.into_iter().collect()))
    }

    /// Finds storage.
    pub fn storage(&self, id: &ComponentId) -> Result<Arc<dyn Storage>, String> {
        let services = self.0.get(id);
        let services =
            services.ok_or_else(|| format!("storage client extension '{id}' not found"))?;
        let storage = services.storage.clone();
        storage.ok_or_else(|| format!("requested extension '{id}' is not a storage extension"))
    }

    /// Finds an authenticator for requests that are sent.
    pub fn client_auth(&self, id: &ComponentId) -> Result<Arc<dyn ClientAuth>, String> {
        let auth = self.authenticator(id)?.client_auth.clone();
        auth.ok_or_else(|| {
            format!("requested authenticator \"{id}\" is not a client authenticator")
        })
    }

    /// Finds an authenticator for requests that are received.
    pub fn server_auth(&self, id: &ComponentId) -> Result<Arc<dyn ServerAuth>, String> {
        let auth = self.authenticator(id)?.server_auth.clone();
        auth.ok_or_else(|| {
            format!("requested authenticator \"{id}\" is not a server authenticator")
        })
    }

    fn authenticator(&self, id: &ComponentId) -> Result<&Services, String> {
        let found = self.0.get(id);
        found.ok_or_else(|| {
            format!("failed to resolve authenticator \"{id}\": authenticator not found")
        })
    }
}

impl fmt::Debug for ServiceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
