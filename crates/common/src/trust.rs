//! The certificate authorities that a function trusts for HTTPS.
//!
//! Five authorities of Amazon's own sign for the endpoints of AWS. A function trusts these and no other, which is safer
//! than some hundred and forty, and quicker to read. Amazon itself recommends all five to every client with its own list
//! (<https://www.amazontrust.com/repository/>).
//!
//! [`crate::clients`] decides when custom endpoints or certificate files change the choice.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Amazon Root CA 1 to 4, and the older Starfield Services Root of Amazon. They expire in 2037 and later.
pub const AMAZON: &str = include_str!("amazon-roots.pem");

/// The authorities that have to sign for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Amazon's authorities only.
    Amazon,
    /// The system's authorities, or the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    System,
}

impl Trust {
    /// The authorities' certificates. An unreadable certificate of the system is left out, so servers that need it are
    /// refused.
    pub fn roots(self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let (_, unreadable) = roots.add_parsable_certificates(match self {
            Self::Amazon => CertificateDer::pem_slice_iter(AMAZON.as_bytes()).filter_map(Result::ok).collect(),
            Self::System => of_the_system(),
        });
        if unreadable > 0 || roots.is_empty() {
            tracing::warn!(trusted = roots.len(), unreadable, "not every certificate of an authority can be read");
        }
        roots
    }
}

fn of_the_system() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "certificates of authorities cannot be read");
    }
    found.certs
}

/// Whether Amazon's authorities sign for the endpoints of a region, as in AWS itself and in `GovCloud`. China, the isolated
/// partitions and the European Sovereign Cloud have others, and so may future partitions.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
pub fn is_amazons(region: &str) -> bool {
    const AREAS: [&str; 9] = ["af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"];
    match region.split('-').collect::<Vec<_>>()[..] {
        ["us", "gov", _, _] => true,
        [area, _, _] => AREAS.contains(&area),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_trust_each_of_amazons_authorities() {
        let amazons: Vec<_> =
            CertificateDer::pem_slice_iter(AMAZON.as_bytes()).map(|each| each.expect("a certificate")).collect();
        assert_eq!(amazons.len(), 5);
        for each in &amazons {
            assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.contains(each), "{each:?}");
        }
    }
}
