//! scratch
#![cfg(not(stream_socket_simulated))]
#[test]
fn spins() {
    use std::time::*;
    use stream_socket::*;
    let (one, other) = Connection::pair().unwrap();
    one.set_queue_limit(1 << 22);
    one.write_all(&vec![0; 4_000_000]).unwrap();
    let group = Group::new();
    group.add(&one);
    for _ in 0..3 {
        let mut visits = 0;
        group.poll(Some(Duration::from_millis(50)), |_| {
            visits += 1;
            one.poll(Instant::now).unwrap();
            Visit::Idle
        });
        println!("{visits} visits, pending {}", one.pending_bytes());
    }
    drop(other);
}
