//! The certificate authorities that an HTTPS connection relies on.
//!
//! Five authorities of Amazon certify the endpoints of AWS. A function trusts only these there. That is safer than the hundred
//! and forty authorities of a system, and they are read sooner. Amazon recommends all five for a list of one's own
//! (<https://www.amazontrust.com/repository/>).

use aws_smithy_http_client::tls::TrustStore;

/// Amazon Root CA 1 to 4, and the Starfield Services Root that Amazon had before them. They expire in 2037 and later.
pub const AMAZON: &str = include_str!("amazon-roots.pem");

/// The authorities that a client trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Only Amazon's authorities for AWS's endpoints, the system's for every other host.
    Pinned,
    /// The system's authorities for every host.
    System,
}

/// The store of Amazon's authorities alone.
pub fn amazon() -> TrustStore {
    TrustStore::empty().with_pem_certificate(AMAZON)
}

/// The system's store, or the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
pub fn system() -> TrustStore {
    TrustStore::empty().with_native_roots(true)
}

/// Whether Amazon's authorities certify this host: an endpoint of AWS itself or of `GovCloud`. China, the isolated partitions
/// and the European Sovereign Cloud have other domains and authorities.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
pub fn is_amazons(host: &str) -> bool {
    const DOMAINS: [&str; 2] = [".amazonaws.com", ".api.aws"];
    let host = host.to_ascii_lowercase();
    DOMAINS.iter().any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn each_authority_of_amazon_is_one_that_browsers_trust() {
        let amazons: Vec<_> =
            CertificateDer::pem_slice_iter(AMAZON.as_bytes()).map(|each| each.expect("a certificate")).collect();
        assert_eq!(amazons.len(), 5);
        for each in &amazons {
            assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.contains(each), "{each:?}");
        }
    }

    #[test]
    fn amazon_certifies_the_endpoints_of_aws_and_of_govcloud() {
        for host in [
            "rds.us-east-1.amazonaws.com",
            "RDS.EU-Central-2.amazonaws.com",
            "states.us-gov-west-1.amazonaws.com",
            "rds-fips.us-east-1.amazonaws.com",
            "rds.eu-west-1.api.aws",
            "vpce-0a1b-2c3d.rds.us-east-1.vpce.amazonaws.com",
        ] {
            assert!(is_amazons(host), "{host}");
        }
    }

    #[test]
    fn other_partitions_and_other_hosts_have_other_authorities() {
        for host in [
            "rds.cn-north-1.amazonaws.com.cn",
            "rds.eusc-de-east-1.amazonaws.eu",
            "rds.us-iso-east-1.c2s.ic.gov",
            "hooks.slack.com",
            "127.0.0.1",
            "amazonaws.com.example.org",
            "rds.fakeamazonaws.com",
        ] {
            assert!(!is_amazons(host), "{host}");
        }
    }
}
