//! Addresses in the AWS console. An unknown partition gets no link rather than a wrong one.
//!
//! Source of the console's host names: "Service endpoints" of the partitions `aws-cn` and `aws-us-gov` in their user guides.

use trapheus_common::identifiers::DatabaseKind;

/// The console of the execution's account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    host: String,
    region: String,
}

impl Console {
    /// The console for an execution's ARN; `region` stands in if the text is no ARN.
    pub fn of(execution: &str, region: &str) -> Option<Self> {
        let mut parts = execution.split(':');
        let (partition, region) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("arn"), Some(partition), Some("states"), Some(region)) => (partition, region),
            _ => (partition_of(region), region),
        };
        let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || !region.chars().all(is_region) {
            return None;
        }
        let domain = match partition {
            "aws" => "console.aws.amazon.com",
            "aws-cn" => "console.amazonaws.cn",
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            _ => return None,
        };
        Some(Self { host: format!("{region}.{domain}"), region: region.to_owned() })
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// The execution's page.
    pub fn execution(&self, arn: &str) -> String {
        let Self { host, region } = self;
        format!("https://{host}/states/home?region={region}#/v2/executions/details/{}", encoded(arn))
    }

    /// The page of a DB instance or DB cluster.
    pub fn database(&self, kind: DatabaseKind, identifier: &str) -> String {
        let Self { host, region } = self;
        let is_cluster = kind == DatabaseKind::Cluster;
        format!("https://{host}/rds/home?region={region}#database:id={};is-cluster={is_cluster}", encoded(identifier))
    }
}

fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.contains("-iso") || region.starts_with("eusc-") => "",
        _ => "aws",
    }
}

/// Percent-encodes every character that no ARN or identifier contains, so that no text can end the link.
fn encoded(text: &str) -> String {
    let encoded = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(partition: &str, region: &str) -> String {
        format!("arn:{partition}:states:{region}:123456789012:execution:trapheus:run-1")
    }

    #[test]
    fn links_lead_to_the_console_of_the_executions_partition() {
        for (partition, region, host) in [
            ("aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"),
            ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ] {
            let execution = arn(partition, region);
            let console = Console::of(&execution, "us-east-1").unwrap();
            assert_eq!(
                console.execution(&execution),
                format!("https://{host}/states/home?region={region}#/v2/executions/details/{execution}")
            );
            assert_eq!(
                console.database(DatabaseKind::Instance, "orders"),
                format!("https://{host}/rds/home?region={region}#database:id=orders;is-cluster=false")
            );
        }
    }

    #[test]
    fn the_functions_region_stands_in_for_an_execution_that_is_no_arn() {
        assert_eq!(Console::of("rehearsal", "cn-north-1").unwrap().host, "cn-north-1.console.amazonaws.cn");
    }

    #[test]
    fn an_unknown_partition_gets_no_link() {
        assert_eq!(Console::of(&arn("aws-iso", "us-iso-east-1"), "us-iso-east-1"), None);
        assert_eq!(Console::of("rehearsal", "us-isob-east-1"), None);
        assert_eq!(Console::of(&arn("aws", "evil.example/"), "eu-west-1"), None);
    }

    #[test]
    fn no_text_can_end_the_link_that_contains_it() {
        let console = Console::of("", "eu-west-1").unwrap();
        let link = console.execution("arn:x\"><script>");
        assert!(link.ends_with("arn:x%22%3E%3Cscript%3E"), "{link}");
    }
}
