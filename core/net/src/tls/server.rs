//! The server side of TLS: who we are, whose clients come in, and files that change meanwhile.

use std::{io, sync::Arc, time::Duration};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tapline_config::TlsServerConfig;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Pem, TlsError, TlsVersion, certificates,
    choice::provider,
    from_config::{pem, version_bounds},
    reload::{ReloadWhen, Reloading},
    versions,
};
use crate::server::Socket;

/// What a TLS server needs to know.
#[derive(Clone, Debug)]
pub struct TlsServerSettings {
    /// Our certificate chain.
    pub certificate: Pem,
    /// The key of `certificate`.
    pub key: Pem,
    /// Who signs the certificates of our clients. Given one, clients need a certificate.
    pub client_ca: Option<Pem>,
    /// Whether everything is read again when the file of `client_ca` changes.
    pub client_ca_reload: bool,
    /// The oldest version to speak; 1.2 if none is given.
    pub min_version: Option<TlsVersion>,
    /// The newest version to speak.
    pub max_version: Option<TlsVersion>,
    /// Cipher suites below TLS 1.3, by their IANA names; all there are if none is named.
    pub cipher_suites: Vec<String>,
    /// Curves by Go's names; all there are if none is named.
    pub curves: Vec<String>,
    /// How old files may grow before they are read again, at the next handshake.
    pub reload_interval: Option<Duration>,
}

impl TlsServerSettings {
    /// Takes over what the user wrote.
    pub fn from_config(config: &TlsServerConfig) -> Result<Self, TlsError> {
        let (min_version, max_version) =
            version_bounds(config.oldest_version(), config.max_version)?;
        let certificate = pem(&config.cert_file, &config.cert_pem);
        let key = pem(&config.key_file, &config.key_pem);
        let (Some(certificate), Some(key)) = (certificate, key) else {
            return Err(TlsError::HalfAnIdentity);
        };
        let reload_interval = config.reload_interval;
        Ok(Self {
            certificate,
            key,
            client_ca: pem(&config.client_ca_file, &tapline_config::Opaque::default()),
            client_ca_reload: config.client_ca_file_reload,
            min_version: Some(min_version),
            max_version,
            cipher_suites: config.cipher_suites.clone(),
            curves: config.curve_preferences.clone(),
            reload_interval: (!reload_interval.is_zero()).then(|| reload_interval.get()),
        })
    }
}

/// Accepts TLS connections.
#[derive(Debug)]
pub struct TlsServer {
    config: Reloading<ServerConfig>,
}

impl TlsServer {
    /// Reads the certificates; offers `alpn` in this order.
    pub fn new(settings: TlsServerSettings, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        let alpn: Vec<Vec<u8>> = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let changed = match &settings.client_ca {
            Some(Pem::File(path)) if settings.client_ca_reload => Some(path.clone()),
            _ => None,
        };
        let when = ReloadWhen {
            interval: settings.reload_interval,
            changed,
        };
        let config = Reloading::new(when, move || server_config(&settings, &alpn))?;
        Ok(Self { config })
    }

    /// Completes one handshake. May read files first, when they are old.
    pub(crate) async fn accept(&self, socket: Socket) -> io::Result<TlsStream<Socket>> {
        TlsAcceptor::from(self.config.current())
            .accept(socket)
            .await
    }
}

fn server_config(
    settings: &TlsServerSettings,
    alpn: &[Vec<u8>],
) -> Result<Arc<ServerConfig>, TlsError> {
    let unusable = |what, error: &dyn ToString| TlsError::Pem {
        what,
        reason: error.to_string(),
    };
    let provider = Arc::new(provider(&settings.cipher_suites, &settings.curves)?);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(settings.min_version, settings.max_version)?)
        .map_err(|error| unusable("the TLS version", &error))?;
    let builder = match &settings.client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let what = "client CA certificate";
            let mut roots = RootCertStore::empty();
            for authority in certificates(what, ca)? {
                let added = roots.add(authority);
                added.map_err(|error| unusable(what, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.build().map_err(|error| unusable(what, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = certificates("server certificate", &settings.certificate)?;
    let what = "server key";
    let key = PrivateKeyDer::from_pem_slice(&settings.key.read(what)?)
        .map_err(|error| unusable(what, &error))?;
    let config = builder.with_single_cert(chain, key);
    let mut config = config.map_err(|error| unusable(what, &error))?;
    config.alpn_protocols = alpn.to_vec();
    Ok(Arc::new(config))
}
