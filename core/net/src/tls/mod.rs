//! TLS from plain settings, both sides. The ring provider is always given explicitly, so nothing
//! here is process-global.

mod choice;
mod from_config;
mod reload;
mod server;

use std::{fmt, fs, io, path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion, WantsVerifier,
    client::{
        WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    version::{TLS12, TLS13},
};

pub(crate) use self::reload::{ReloadWhen, Reloading};
pub use self::server::{TlsServer, TlsServerSettings};

/// A PEM text, or where to find it. Never shows the text.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// A file.
    File(PathBuf),
    /// The text itself.
    Text(String),
}

/// A protocol version. Older ones than 1.2 do not exist here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// Whether the certificate of the server is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// It must be valid for the name and signed by a known root.
    #[default]
    Yes,
    /// Anybody may answer. What is sent is hidden only from those who just listen.
    Skip,
}

/// What a TLS client needs to know.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// Whether the server's certificate is verified.
    pub verify: Verify,
    /// The name to ask for and to verify, instead of the host of the endpoint.
    pub server_name: Option<String>,
    /// The roots to trust. Without any, the roots of the system.
    pub ca: Option<Pem>,
    /// Whether the roots of the system are trusted in addition to `ca`.
    pub with_system_roots: bool,
    /// Our certificate chain, for servers that ask for one.
    pub certificate: Option<Pem>,
    /// The key of `certificate`.
    pub key: Option<Pem>,
    /// The oldest version to speak; 1.2 if none is given.
    pub min_version: Option<TlsVersion>,
    /// The newest version to speak.
    pub max_version: Option<TlsVersion>,
    /// Cipher suites below TLS 1.3, by their IANA names; all there are if none is named.
    pub cipher_suites: Vec<String>,
    /// Curves by Go's names; all there are if none is named.
    pub curves: Vec<String>,
    /// How old files may grow before they are read again, by the next connection.
    pub reload_interval: Option<Duration>,
}

/// Why TLS cannot be spoken as asked.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("cannot read {what} {path}: {reason}")]
    Read {
        /// What was in the file.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A text is not what it should be.
    #[error("{what} is not usable: {reason}")]
    Pem {
        /// What the text should have been.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The system has no roots, and no other was given.
    #[error("no root certificates found on this system; name some with ca_file")]
    NoRoots,
    /// A certificate without its key, or a key without its certificate.
    #[error("a certificate and its key must come together")]
    HalfAnIdentity,
    /// No version lies between the oldest and the newest.
    #[error("min_version is newer than max_version")]
    NoVersion,
    /// The Collector has it, we do not.
    #[error("{0} is not supported by tapline yet")]
    NotSupported(&'static str),
    /// Nobody has it, or ring has not.
    #[error("{what} \"{name}\" is not supported by tapline")]
    Unknown {
        /// What was named.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The name is neither a DNS name nor an address.
    #[error("\"{0}\" is not a server name")]
    ServerName(String),
}

/// Builds the client side of TLS, offering `alpn` in this order.
pub fn client_config(
    settings: &TlsSettings,
    alpn: &[&[u8]],
) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(choice::provider(&settings.cipher_suites, &settings.curves)?);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(settings.min_version, settings.max_version)?)
        .map_err(|error| TlsError::Pem {
            what: "the TLS version",
            reason: error.to_string(),
        })?;
    let builder = with_trust(builder, settings, provider)?;
    let mut config = match (&settings.certificate, &settings.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let chain = certificates("client certificate", certificate)?;
            let what = "client key";
            let key =
                PrivateKeyDer::from_pem_slice(&key.read(what)?).map_err(|error| TlsError::Pem {
                    what,
                    reason: error.to_string(),
                })?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| TlsError::Pem {
                    what,
                    reason: error.to_string(),
                })?
        }
        _ => return Err(TlsError::HalfAnIdentity),
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

/// Parses the name to verify: a DNS name or an address, with or without brackets.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    ServerName::try_from(bare).map_err(|_invalid| TlsError::ServerName(name.to_owned()))
}

fn versions(
    oldest: Option<TlsVersion>,
    newest: Option<TlsVersion>,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let oldest = oldest.unwrap_or(TlsVersion::Tls12);
    let newest = newest.unwrap_or(TlsVersion::Tls13);
    if oldest > newest {
        return Err(TlsError::NoVersion);
    }
    let known = [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)];
    let wanted = known
        .into_iter()
        .filter(|(version, _)| (oldest..=newest).contains(version));
    Ok(wanted.map(|(_, version)| version).collect())
}

fn with_trust(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    if settings.verify == Verify::Skip {
        let verifier = Arc::new(TrustAnybody(provider));
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(verifier));
    }
    let mut roots = RootCertStore::empty();
    if let Some(ca) = &settings.ca {
        let what = "CA certificate";
        for authority in certificates(what, ca)? {
            roots.add(authority).map_err(|error| TlsError::Pem {
                what,
                reason: error.to_string(),
            })?;
        }
    }
    if settings.ca.is_none() || settings.with_system_roots {
        // Roots that this system has but rustls cannot read are none of our business.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    Ok(builder.with_root_certificates(roots))
}

fn certificates(what: &'static str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = pem.read(what)?;
    let found = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::Pem {
            what,
            reason: error.to_string(),
        })?;
    if found.is_empty() {
        return Err(TlsError::Pem {
            what,
            reason: "no certificate in it".to_owned(),
        });
    }
    Ok(found)
}

impl Pem {
    fn read(&self, what: &'static str) -> Result<Vec<u8>, TlsError> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::File(path) => fs::read(path).map_err(|reason| TlsError::Read {
                what,
                path: path.clone(),
                reason,
            }),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Text(_) => f.write_str("[REDACTED]"),
        }
    }
}

/// Takes any certificate. Signatures are still checked: the peer has the key it shows.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::{Pem, TlsSettings, TlsVersion, client_config, server_name};

    fn refusal(settings: &TlsSettings) -> String {
        client_config(settings, &[])
            .expect_err("is refused")
            .to_string()
    }

    #[test]
    fn says_which_file_is_missing_and_which_text_is_wrong() {
        let missing = Pem::File("/nonexistent/ca.pem".into());
        let settings = TlsSettings {
            ca: Some(missing),
            ..TlsSettings::default()
        };
        assert_eq!(
            refusal(&settings),
            "cannot read CA certificate /nonexistent/ca.pem: No such file or directory (os error 2)"
        );
        let text = Pem::Text("not pem".to_owned());
        let settings = TlsSettings {
            ca: Some(text.clone()),
            ..TlsSettings::default()
        };
        assert_eq!(
            refusal(&settings),
            "CA certificate is not usable: no certificate in it"
        );
        assert_eq!(format!("{text:?}"), "[REDACTED]");
    }

    #[test]
    fn versions_must_overlap() {
        let settings = TlsSettings {
            min_version: Some(TlsVersion::Tls13),
            max_version: Some(TlsVersion::Tls12),
            ..TlsSettings::default()
        };
        assert_eq!(refusal(&settings), "min_version is newer than max_version");
    }

    #[test]
    fn server_names_may_be_addresses() {
        for name in ["backend.test", "127.0.0.1", "[::1]", "::1"] {
            assert!(server_name(name).is_ok(), "{name}");
        }
        assert!(server_name("no name").is_err());
    }
}
