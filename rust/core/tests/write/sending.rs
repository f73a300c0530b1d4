//! Blocking and partial writes.

use std::thread;

use crate::support::*;

for_each_family!(
    blocking_transfers_complete_in_both_directions,
    a_partial_write_stops_when_the_peer_does_not_read,
);

fn blocking_transfers_complete_in_both_directions(family: AddressFamily) {
    let (client, accepted) = pair(family);
    let data = pattern(4 << 20);
    thread::scope(|scope| {
        for connection in [&client, &accepted] {
            scope.spawn(|| connection.write_fully(&data).unwrap());
            scope.spawn(|| assert!(read(connection, data.len()).unwrap() == data));
        }
    });
}

fn a_partial_write_stops_when_the_peer_does_not_read(family: AddressFamily) {
    let (client, accepted) = pair(family);
    let block = pattern(1 << 20);
    let mut sent = 0;
    until("the kernel is full", || {
        let count = client.try_write(&block[sent % block.len()..]).unwrap();
        sent += count;
        (count == 0).then_some(())
    });
    // The accepted bytes arrive completely, and then there is room again.
    for start in (0..sent).step_by(1000) {
        let size = 1000.min(sent - start);
        let expected: Vec<u8> = (start..start + size)
            .map(|at| block[at % block.len()])
            .collect();
        assert_eq!(read(&accepted, size).unwrap(), expected);
    }
    until("room", || {
        (client.try_write(b"x").unwrap() == 1).then_some(())
    });
}
