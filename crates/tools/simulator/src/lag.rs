//! Reads that lag: the delays after which reads show changed tags, names and executions.
//!
//! Owns the delays and the former values. Writes act on the true state. A read by `Describe…` or `List…` is answered from a
//! [`View`]. It may still show the former tags of a resource and its name before a rename. A view never shows a resource
//! twice, nor two resources under one name: a resource that takes a name ends the lag of the resource that had it.

use std::ops::Deref;

use crate::query::Tags;
use crate::resources::{Key, Life, Millis, Status};
use crate::state::{State, Target, millis};

/// The name and the status that reads still show after a rename.
#[derive(Clone, Debug)]
pub(crate) struct Former {
    pub(crate) identifier: String,
    pub(crate) status: Status,
    pub(crate) until: Millis,
}

/// The tags of a resource, and the earlier tags that reads may still show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tagged {
    truth: Tags,
    shown_from: Millis,
    /// Earlier tags with the time from which reads show them, in order.
    former: Vec<(Millis, Tags)>,
}

impl Tagged {
    /// Tags that every read shows.
    pub(crate) fn settled(tags: Tags) -> Self {
        Self { truth: tags, ..Self::default() }
    }

    /// The true tags.
    pub(crate) fn truth(&self) -> &Tags {
        &self.truth
    }

    /// The tags that a read shows.
    fn seen(&self, now: Millis) -> &[(String, String)] {
        if self.shown_from <= now {
            return &self.truth;
        }
        self.former.iter().rev().find(|(from, _)| *from <= now).map_or(&[], |(_, tags)| tags)
    }

    /// Replaces the tags. Reads show the new tags from `shown_from` on.
    fn replace(&mut self, tags: Tags, now: Millis, shown_from: Millis) {
        if self.shown_from <= now {
            self.former.clear();
        }
        self.former.push((self.shown_from, std::mem::replace(&mut self.truth, tags)));
        self.shown_from = shown_from;
    }
}

impl State {
    /// A delay of at most `at_most` seconds, drawn from the seed.
    pub(crate) fn delay(&mut self, at_most: f64) -> Millis {
        // A world without lag draws no random number, so that its seeds keep their runs.
        if at_most > 0.0 { millis(self.rng.f64() * at_most) } else { 0 }
    }

    /// The time from which reads show tags that are written now.
    fn tags_shown_from(&mut self) -> Millis {
        let delay = self.delay(self.lag.tags_seconds);
        self.now.saturating_add(delay).saturating_add(self.late())
    }

    /// The delay that a fault adds to the writes of the request under way.
    fn late(&self) -> Millis {
        self.spoiler.late.map_or(0, millis)
    }

    /// The tags of a new resource. Reads show none at first.
    pub(crate) fn new_tags(&mut self, tags: Tags) -> Tagged {
        let mut tagged = Tagged::default();
        self.retag(&mut tagged, tags);
        tagged
    }

    /// Replaces the tags of a resource.
    pub(crate) fn retag(&mut self, tagged: &mut Tagged, tags: Tags) {
        if *tagged.truth() != tags {
            let shown_from = self.tags_shown_from();
            self.spoiled.late |= self.late() > 0;
            tagged.replace(tags, self.now, shown_from);
        }
    }

    /// The tags of a resource, if its kind has tags.
    pub(crate) fn tagged(&mut self, target: Target) -> Option<&mut Tagged> {
        match target {
            Target::Instance(key) => self.instances.get_mut(&key).map(|found| &mut found.tags),
            Target::Cluster(key) => self.clusters.get_mut(&key).map(|found| &mut found.tags),
            Target::Snapshot(key) => self.snapshots.get_mut(&key).map(|found| &mut found.tags),
            Target::ClusterSnapshot(key) => self.cluster_snapshots.get_mut(&key).map(|found| &mut found.tags),
            Target::Export(_) => None,
        }
    }

    /// Gives a resource the name that its rename reserved. Reads show the new name after the lag.
    pub(crate) fn take_name(&mut self, target: Target) {
        let now = self.now;
        let delay = self.delay(self.lag.rename_seconds);
        let Some(life) = self.life(target) else { return };
        let Some(name) = life.renaming_to.take() else { return };
        let until = now.saturating_add(delay).saturating_add(std::mem::take(&mut life.rename_late));
        let earlier = life.former.take().filter(|former| former.until > now);
        let (identifier, status) = match earlier {
            Some(former) => (former.identifier, former.status),
            None => (life.identifier.clone(), life.status.clone()),
        };
        life.former = (until > now && identifier != name).then_some(Former { identifier, status, until });
        life.identifier.clone_from(&name);
        self.settle_names(target, &name);
    }

    /// Ends the lag of other resources that reads still show under the name that `taker` takes.
    pub(crate) fn settle_names(&mut self, taker: Target, name: &str) {
        let settle = |life: &mut Life| {
            life.former.take_if(|former| former.identifier == name);
        };
        match taker {
            Target::Instance(key) => {
                let others = self.instances.iter_mut().filter(|(other, _)| **other != key);
                others.for_each(|(_, other)| settle(&mut other.life));
            }
            Target::Cluster(key) => {
                let others = self.clusters.iter_mut().filter(|(other, _)| **other != key);
                others.for_each(|(_, other)| settle(&mut other.life));
            }
            Target::Snapshot(_) | Target::ClusterSnapshot(_) | Target::Export(_) => {}
        }
    }

    /// The world as reads show it.
    pub(crate) fn seen(&self) -> View<'_> {
        View { state: self, lags: true }
    }

    /// The true world.
    pub(crate) fn truth(&self) -> View<'_> {
        View { state: self, lags: false }
    }
}

/// The world, either as it is or as reads show it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    state: &'a State,
    lags: bool,
}

impl Deref for View<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state
    }
}

impl View<'_> {
    /// The former name under which a resource is still shown.
    fn former<'b>(&self, life: &'b Life) -> Option<&'b Former> {
        life.former.as_ref().filter(|former| self.lags && former.until > self.now)
    }

    pub(crate) fn identifier<'b>(&self, life: &'b Life) -> &'b str {
        self.former(life).map_or(&life.identifier, |former| &former.identifier)
    }

    pub(crate) fn status<'b>(&self, life: &'b Life) -> &'b Status {
        self.former(life).map_or(&life.status, |former| &former.status)
    }

    /// The name that a resource is about to get, if reads show it.
    pub(crate) fn pending_identifier<'b>(&self, life: &'b Life, pending: Option<&'b String>) -> Option<&'b String> {
        self.former(life).map_or(pending, |_| Some(&life.identifier))
    }

    pub(crate) fn tags<'b>(&self, tagged: &'b Tagged) -> &'b [(String, String)] {
        if self.lags { tagged.seen(self.now) } else { tagged.truth() }
    }

    /// Whether a read finds the resource.
    pub(crate) fn shows(&self, life: &Life) -> bool {
        life.answers && life.visible_from <= self.now
    }

    pub(crate) fn is_named(&self, life: &Life, identifier: &str) -> bool {
        life.answers && self.identifier(life).eq_ignore_ascii_case(identifier)
    }

    pub(crate) fn instance_named(&self, identifier: &str) -> Option<Key> {
        self.instances.iter().find(|(_, found)| self.is_named(&found.life, identifier)).map(|(key, _)| *key)
    }

    pub(crate) fn cluster_named(&self, identifier: &str) -> Option<Key> {
        self.clusters.iter().find(|(_, found)| self.is_named(&found.life, identifier)).map(|(key, _)| *key)
    }
}
