//! The command `trapheus capture`: arguments, credentials, and the world file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use aws_sdk_rds::Client;
use aws_sdk_rds::config::Region;
use rds_simulator::{ClusterSnapshotSpec, ClusterSpec, InstanceSpec, MemberSpec, SnapshotSpec, World};
use serde::Serialize;
use serde_json::{Value, json};
use trapheus_common::clients;
use trapheus_common::trust::Trust;

use super::{Asked, Captured, capture, redact, specs};
use crate::screen::ERROR;

/// The databases to capture, and the form of the world file.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// DB instances and DB clusters; by default, all of the region. An instance goes before a cluster of the same name, and
    /// a member stands for its cluster.
    #[arg(value_name = "IDENTIFIER")]
    identifiers: Vec<String>,
    /// The identifiers are those of DB clusters.
    #[arg(long, requires = "identifiers")]
    cluster: bool,
    /// The endpoint of RDS, such as that of `trapheus simulator`; by default, that of the region.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Hide the values of tags, except those of Trapheus's own claims. Keys stay.
    #[arg(long)]
    redact: bool,
    /// The world file to write; by default, standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Options {
    /// Reads the account, writes the world, and reports what is not in it.
    pub async fn run(self, region: Option<String>, profile: Option<String>) -> Result<ExitCode, String> {
        let asked = Asked { identifiers: self.identifiers, clusters_only: self.cluster };
        let rds = client(region, profile.clone(), self.endpoint_url).await;
        let Captured { mut world, refused, findings } =
            Box::pin(capture(&rds, profile.as_deref(), &asked, SystemTime::now())).await?;
        for finding in &findings {
            anstream::eprintln!("not in the world: {finding}");
        }
        for refused in &refused {
            anstream::eprintln!("{ERROR}refused:{ERROR:#} {refused}");
        }
        if world.instances.is_empty() && world.clusters.is_empty() {
            return Err("there is no database to capture".to_owned());
        }
        if self.redact {
            redact(&mut world);
        }
        let text = format!("{:#}\n", concise(&world)?);
        match &self.output {
            Some(path) => {
                std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            }
            None => anstream::print!("{text}"),
        }
        Ok(ExitCode::from(u8::from(!refused.is_empty())))
    }
}

async fn client(region: Option<String>, profile: Option<String>, endpoint: Option<String>) -> Client {
    let mut loader = clients::loader(Trust::System);
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    Client::new(&loader.load().await)
}

/// The world as JSON, without the fields that a new world has anyway.
pub fn concise(world: &World) -> Result<Value, String> {
    let mut text = as_json(world)?;
    let mut new = as_json(&World::default())?;
    // The region and the account say where the world is from, even if a new world has the same.
    if let Some(new) = new.as_object_mut() {
        new.retain(|field, _| !["region", "account"].contains(&field.as_str()));
    }
    remove_defaults(&mut text, &new);
    let database = json!({"identifier": "", "engine": ""});
    let snapshot = json!({"identifier": "", "source": ""});
    remove_from_each(&mut text, "instances", &as_json(&specs::spec::<InstanceSpec>(database.clone()))?);
    remove_from_each(&mut text, "clusters", &as_json(&specs::spec::<ClusterSpec>(database))?);
    remove_from_each(&mut text, "snapshots", &as_json(&specs::spec::<SnapshotSpec>(snapshot.clone()))?);
    remove_from_each(&mut text, "clusterSnapshots", &as_json(&specs::spec::<ClusterSnapshotSpec>(snapshot))?);
    let member = as_json(&specs::spec::<MemberSpec>(json!({"identifier": ""})))?;
    for cluster in text.get_mut("clusters").and_then(Value::as_array_mut).into_iter().flatten() {
        remove_from_each(cluster, "members", &member);
    }
    Ok(text)
}

fn as_json(part: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(part).map_err(|error| error.to_string())
}

fn remove_from_each(parent: &mut Value, list: &str, default: &Value) {
    for entry in parent.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
        remove_defaults(entry, default);
    }
}

/// Removes the fields that have their default, also from inner objects.
fn remove_defaults(value: &mut Value, default: &Value) {
    let (Some(fields), Some(defaults)) = (value.as_object_mut(), default.as_object()) else { return };
    for (field, default) in defaults {
        if let Some(value) = fields.get_mut(field) {
            if value == default {
                fields.remove(field);
            } else {
                remove_defaults(value, default);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_concise_world_is_the_same_world() {
        let world = World::from_json(crate::rehearsal::DEFAULT_WORLD).expect("the built-in world");
        let text = concise(&world).expect("JSON");
        assert!(text.get("timings").is_none() && text["instances"][1].get("status").is_none(), "{text:#}");
        let again = World::from_json(&text.to_string()).expect("a world");
        assert_eq!(as_json(&again).expect("JSON"), as_json(&world).expect("JSON"));
    }
}
