//! Which connection a full server closes to make room for a new one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Instant;

use super::server_connection::EvictionClass;

/// The connections of a server that is full, in the order in which they are evicted: first by what
/// they are busy with, then those whose address has the most connections, then the oldest.
///
/// A busy connection is evicted only for a new client whose address still has fewer connections
/// after that, so nobody can occupy all places from one address. Connections without an address of
/// their own, such as those through a proxy on the same machine, are equal.
///
/// # Examples
///
/// ```
/// use std::time::Instant;
/// use stream_socket_web::http::{EvictionOrder, EvictionClass};
///
/// let (mut order, now) = (EvictionOrder::default(), Instant::now());
/// order.insert("busy", None, (EvictionClass::Busy, now));
/// order.insert("idle", None, (EvictionClass::Idle, now));
/// assert_eq!(order.pop_for(None), Some("idle"));
/// assert_eq!(order.pop_for(None), None);
/// ```
#[derive(Debug)]
pub struct EvictionOrder<T> {
    machines: HashMap<Option<IpAddr>, Members<T>>,
    /// The machines, ordered by the member of each that is evicted first.
    order: BTreeSet<Rank>,
    inserted: u64,
}

/// The members of a machine, in the order of eviction. The number makes keys unique.
type Members<T> = BTreeMap<(EvictionClass, Instant, u64), T>;

/// The order of eviction among machines: by class, number of connections and age.
type Rank = (EvictionClass, Reverse<usize>, Instant, u64, Option<IpAddr>);

impl<T> Default for EvictionOrder<T> {
    fn default() -> EvictionOrder<T> {
        EvictionOrder {
            machines: HashMap::new(),
            order: BTreeSet::new(),
            inserted: 0,
        }
    }
}

impl<T> EvictionOrder<T> {
    /// Adds `member`, with what it is busy with and since when. See [`address_of_its_own`] for
    /// `address`.
    pub fn insert(
        &mut self,
        member: T,
        address: Option<IpAddr>,
        (class, since): (EvictionClass, Instant),
    ) {
        let key = (class, since, self.inserted);
        self.inserted += 1;
        self.change(address, |members| members.insert(key, member));
    }

    /// Removes and returns the next member to evict for a client from the address `new_client`.
    pub fn pop_for(&mut self, new_client: Option<IpAddr>) -> Option<T> {
        let (class, Reverse(count), _, _, address) = *self.order.first()?;
        let is_over_its_share = new_client.is_some() && count > self.count(new_client) + 1;
        // The machine of this one has the most busy connections, so no other is over its share.
        if class == EvictionClass::Busy && !is_over_its_share {
            return None;
        }
        self.change(address, BTreeMap::pop_first)
            .map(|(_, member)| member)
    }

    fn change<R>(
        &mut self,
        address: Option<IpAddr>,
        change: impl FnOnce(&mut Members<T>) -> R,
    ) -> R {
        if let Some(rank) = self.rank(address) {
            self.order.remove(&rank);
        }
        let changed = change(self.machines.entry(address).or_default());
        if let Some(rank) = self.rank(address) {
            self.order.insert(rank);
        }
        changed
    }

    fn rank(&self, address: Option<IpAddr>) -> Option<Rank> {
        let (first, _) = self.machines.get(&address)?.first_key_value()?;
        let (class, since, number) = *first;
        Some((class, Reverse(self.count(address)), since, number, address))
    }

    /// How many connections a machine has. A connection without an address counts as a machine.
    fn count(&self, address: Option<IpAddr>) -> usize {
        match address {
            Some(_) => self.machines.get(&address).map_or(0, BTreeMap::len),
            None => 1,
        }
    }
}

/// The address that identifies the machine of a client. `None` for a client on this machine, which
/// may be a proxy for many others. An IPv6 network gives each machine 2^64 addresses, so only the
/// first half of an address counts.
pub fn address_of_its_own(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(address) if !address.is_unicast_link_local() => {
            Some(IpAddr::V6((address.to_bits() >> 64 << 64).into()))
        }
        address => Some(address),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    /// All that are evicted for new clients from `new_client`, in order.
    fn all<T>(order: &mut EvictionOrder<T>, new_client: Option<IpAddr>) -> Vec<T> {
        std::iter::from_fn(|| order.pop_for(new_client)).collect()
    }

    #[test]
    fn class_decides_first_and_then_age() {
        let start = Instant::now();
        let mut order = EvictionOrder::default();
        for (age, class) in [
            (1, EvictionClass::Response),
            (2, EvictionClass::Idle),
            (3, EvictionClass::Head),
            (4, EvictionClass::Busy),
            (5, EvictionClass::Idle),
            (6, EvictionClass::Body),
        ] {
            order.insert(age, None, (class, start - age * SECOND));
        }
        assert_eq!(all(&mut order, None), [5, 2, 3, 6, 1]);
        assert_eq!(all(&mut order, address(1)), [], "nobody has too many");
    }

    #[test]
    fn addresses_with_many_connections_are_evicted_first() {
        let start = Instant::now();
        let mut order = EvictionOrder::default();
        for (name, last, age) in [("a1", 1, 9), ("b1", 2, 8), ("b2", 2, 7), ("b3", 2, 6)] {
            order.insert(
                name,
                address(last),
                (EvictionClass::Idle, start - age * SECOND),
            );
        }
        order.insert("local", None, (EvictionClass::Idle, start - 10 * SECOND));
        assert_eq!(all(&mut order, None), ["b1", "b2", "local", "a1", "b3"]);
    }

    #[test]
    fn nobody_holds_all_places_from_one_address() {
        let now = Instant::now();
        let mut order = EvictionOrder::default();
        let insert = |order: &mut EvictionOrder<(u8, u32)>, last: u8, age: u32| {
            let since = now - age * SECOND;
            order.insert((last, age), address(last), (EvictionClass::Busy, since));
        };
        for age in 0..4 {
            insert(&mut order, 1, age);
        }
        insert(&mut order, 2, 9);
        // Clients on this machine may come through a proxy.
        assert_eq!(order.pop_for(None), None);
        assert_eq!(
            order.pop_for(address(1)),
            None,
            "they keep their own places"
        );
        assert_eq!(order.pop_for(address(2)), Some((1, 3)));
        insert(&mut order, 2, 0);
        assert_eq!(order.pop_for(address(2)), None, "3 and 2");
        assert_eq!(order.pop_for(address(3)), Some((1, 2)));
        insert(&mut order, 3, 0);
        assert_eq!(order.pop_for(address(3)), None, "2, 2 and 1");
        assert_eq!(
            order.pop_for(address(4)),
            Some((2, 9)),
            "the oldest of 2 and 2"
        );
    }

    #[test]
    fn places_are_counted_for_each_machine() {
        let of = |text: &str| address_of_its_own(text.parse().unwrap());
        assert_eq!(of("127.0.0.1"), None);
        assert_eq!(of("::1"), None);
        assert_eq!(of("::ffff:127.0.0.1"), None);
        assert_eq!(of("::ffff:192.0.2.1"), address(1));
        assert_eq!(of("192.168.0.7"), Some(IpAddr::from([192, 168, 0, 7])));
        assert_eq!(of("2001:db8::1"), of("2001:db8::2:3:4:5"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("fe80::1"), of("fe80::2"));
    }
}
