//! The members of an event loop: by key, by id, and in the order in which they were added.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

use crate::dispatch::member::LoopMember;
use crate::poll::group::Group;

/// Stands for the key of a member that is being added and has no key yet.
const BEING_ADDED: usize = usize::MAX;

/// Above this number of members, checks do not walk all of them.
const MAX_CHECKED: usize = 64;

/// Why a member could not be added to an [`EventLoop`](crate::dispatch::EventLoop).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddError {
    /// It is a member already.
    #[error("add to event loop: already a member")]
    AlreadyMember,
    /// It is a packet channel without an endpoint.
    #[error("add to event loop: packet channel has no endpoint")]
    NoEndpoint,
}

/// The members. Ids are reserved before members are added, so that two threads cannot add the same
/// subject.
#[derive(Debug)]
pub(super) struct Roster<S> {
    /// Indexed by [`Group::index`] of the key.
    members: Vec<Option<Arc<LoopMember<S>>>>,
    /// All members in order; `None` if one was added or removed since it was made.
    in_order: Option<Members<S>>,
    /// The key of each id; [`BEING_ADDED`] for a reserved id.
    keys: HashMap<u64, usize>,
    last_order: u64,
    /// How many members are servers.
    servers: usize,
}

/// Members in the order in which they were added.
pub(super) type Members<S> = Arc<[Arc<LoopMember<S>>]>;

/// A member that was removed. The caller drops both values without holding a lock: they may hold
/// the last references to members.
pub(super) struct Removed<S> {
    pub(super) member: Arc<LoopMember<S>>,
    pub(super) in_order: Option<Members<S>>,
}

impl<S> Default for Roster<S> {
    fn default() -> Roster<S> {
        Roster {
            members: Vec::new(),
            in_order: None,
            keys: HashMap::new(),
            last_order: 0,
            servers: 0,
        }
    }
}

impl<S> Roster<S> {
    /// Reserves `id` for a member that is being added, and returns its order.
    pub(super) fn reserve(&mut self, id: u64) -> Result<u64, AddError> {
        if self.keys.contains_key(&id) {
            return Err(AddError::AlreadyMember);
        }
        self.keys.insert(id, BEING_ADDED);
        self.last_order += 1;
        self.check();
        Ok(self.last_order)
    }

    /// Adds a member whose `id` is reserved. The caller drops the result without holding a lock: it
    /// may hold the last references to members that were removed.
    #[must_use = "it must be dropped without a lock"]
    pub(super) fn insert(&mut self, id: u64, member: Arc<LoopMember<S>>) -> Option<Members<S>> {
        let reserved = self.keys.insert(id, member.key);
        debug_assert_eq!(reserved, Some(BEING_ADDED), "the id was not reserved");
        self.servers += usize::from(member.is_server);
        let index = Group::index(member.key);
        if self.members.len() <= index {
            self.members.resize_with(index + 1, || None);
        }
        let previous = self.members[index].replace(member);
        debug_assert!(previous.is_none(), "two members have the same index");
        self.check();
        self.in_order.take()
    }

    /// Removes the member with the id `id`.
    pub(super) fn remove(&mut self, id: u64) -> Option<Removed<S>> {
        let key = *self.keys.get(&id).filter(|key| **key != BEING_ADDED)?;
        self.keys.remove(&id);
        let member = self.members.get_mut(Group::index(key))?.take()?;
        debug_assert_eq!(member.key, key, "the index belongs to another member");
        member.mark_removed();
        self.servers -= usize::from(member.is_server);
        self.check();
        Some(Removed {
            member,
            in_order: self.in_order.take(),
        })
    }

    /// The member with the key `key`.
    pub(super) fn get(&self, key: usize) -> Option<&Arc<LoopMember<S>>> {
        let member = self.members.get(Group::index(key))?.as_ref()?;
        (member.key == key).then_some(member)
    }

    /// The member with the id `id`.
    pub(super) fn find(&self, id: u64) -> Option<&Arc<LoopMember<S>>> {
        self.get(*self.keys.get(&id)?)
    }

    /// Returns the number of members, including those that are being added.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns the number of members that are not servers.
    pub(super) fn endpoints(&self) -> usize {
        self.keys.len() - self.servers
    }

    /// All members, in the order in which they were added.
    pub(super) fn in_order(&mut self) -> Members<S> {
        let in_order = self.in_order.take().unwrap_or_else(|| {
            let mut members: Vec<_> = self.members.iter().flatten().cloned().collect();
            members.sort_unstable_by_key(|member| member.order);
            members.into()
        });
        debug_assert!(
            in_order.is_sorted_by(|one, next| one.order < next.order),
            "two members have the same order"
        );
        self.in_order.insert(in_order).clone()
    }

    /// Checks, in debug builds, that the members by key, the keys by id and the count of servers
    /// agree.
    fn check(&self) {
        if !cfg!(debug_assertions) || self.keys.len() > MAX_CHECKED {
            return;
        }
        let keys = self.keys.values().filter(|key| **key != BEING_ADDED);
        debug_assert!(
            keys.clone().all(|key| self.get(*key).is_some()),
            "the key of an id belongs to no member"
        );
        let members = self.members.iter().flatten();
        debug_assert_eq!(
            members.clone().count(),
            keys.count(),
            "members without an id"
        );
        debug_assert_eq!(
            members.clone().filter(|member| member.is_server).count(),
            self.servers,
            "the count of servers"
        );
        debug_assert!(
            members.clone().all(|member| !member.is_removed()),
            "a removed member is still listed"
        );
        debug_assert!(
            members
                .clone()
                .all(|member| member.order <= self.last_order),
            "an order that was never assigned"
        );
    }
}
