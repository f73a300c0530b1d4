//! Which situations there are.

use super::setups::{AS_NOBODY, BOX, ETC, HOSTS, JUST_STARTED, LOOPBACK, NOBODY, RESOLVER};
use super::world::World;

/// A task in a world.
pub struct Situation {
    pub name: &'static str,
    /// Part of the short form.
    pub quick: bool,
    /// A file and a method in `godot-project/tests/situations`.
    pub task: &'static str,
    pub arguments: &'static [&'static str],
    pub world: World,
}

impl Situation {
    /// In the world as it is.
    const fn new(
        name: &'static str,
        task: &'static str,
        arguments: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            quick: true,
            task,
            arguments,
            world: World {
                namespaces: &[],
                setup: &[],
                through: "",
            },
        }
    }

    /// In the full form alone.
    const fn long(mut self) -> Self {
        self.quick = false;
        self
    }

    const fn setup(mut self, setup: &'static [&'static str]) -> Self {
        self.world.setup = setup;
        self
    }

    /// With mounts of its own.
    const fn mounts(mut self, setup: &'static [&'static str]) -> Self {
        self.world.namespaces = &["--mount"];
        self.setup(setup)
    }

    /// With mounts and a network of its own.
    const fn network(mut self, setup: &'static [&'static str]) -> Self {
        self.world.namespaces = &["--net"];
        self.setup(setup)
    }

    const fn through(mut self, program: &'static str) -> Self {
        self.world.through = program;
        self
    }
}

/// What a game does with sockets.
const fn everything(name: &'static str) -> Situation {
    Situation::new(name, "exchange.everything", &[])
}

const fn denied(name: &'static str, program: &'static str) -> Situation {
    everything(name).through(program)
}

/// Sockets in `$BOX`.
const fn folder(name: &'static str) -> Situation {
    Situation::new(name, "folders.listen", &["box"])
}

const fn nobody(name: &'static str) -> Situation {
    folder(name).through(AS_NOBODY)
}

const fn late(name: &'static str, how: &'static [&'static str]) -> Situation {
    Situation::new(name, "late.everything", how)
}

const fn few(name: &'static str, numbers: &'static [&'static str]) -> Situation {
    Situation::new(name, "descriptors.few", numbers)
}

const fn lookups(
    name: &'static str,
    task: &'static str,
    names: &'static [&'static str],
) -> Situation {
    Situation::new(name, task, names).network(&[LOOPBACK, ETC, RESOLVER])
}

/// Names that are in /etc/hosts.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "localhost", "3dprinter", "4b2c557fd0ad", "web.1", "1and1", "2-cool", "my_host", "PRINTER", "printer.", "10.host",
    "0x7f.host", "büro",
];

/// Spellings of addresses, and what is neither a name nor an address.
#[rustfmt::skip]
const SPELLINGS: &[&str] = &[
    "127.1", "127.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1.", "0", "0.0.0.0", "::", "::1", "[::1]",
    "::ffff:127.0.0.1", "::1%lo", "256.1.1.1", "1.2.3.4.5", " 127.0.0.1", "127.0.0.1 ", "local host", "a..b", ".", "-",
    "%lo", "localhost:80", "http://localhost",
];

#[rustfmt::skip]
pub const SITUATIONS: &[Situation] = &[
    everything("the world as it is"),
    // What a container or a small system lacks.
    everything("no /proc").mounts(&["mount -t tmpfs none /proc"]),
    everything("no /etc/hosts and no /etc/resolv.conf").network(&[LOOPBACK, ETC]),
    everything("no IPv6 addresses").network(&[LOOPBACK, "ip addr del ::1/128 dev lo"]),
    everything("no IPv4 addresses").network(&[LOOPBACK, "ip addr del 127.0.0.1/8 dev lo"]).long(),
    denied("no IPv6 in the kernel", "$DENIED socket:0:10=EAFNOSUPPORT --"),
    everything("no network interface is up").network(&[]),
    everything("standard input is closed").setup(&["exec <&-"]).long(),
    everything("a machine that has just started").mounts(&[]).through(JUST_STARTED).long(),
    Situation::new("no thread can be started", "processes.no_threads", &[])
        .mounts(&[ETC, HOSTS, BOX, NOBODY])
        .through(AS_NOBODY),
    Situation::new("children of the process", "processes.children", &[]),
    // Names.
    Situation::new("names in /etc/hosts", "names.each", NAMES).network(&[LOOPBACK, ETC, HOSTS]),
    Situation::new("names in /etc/hosts, with a relay of ours", "names.relayed", &["localhost", "3dprinter", "web.1", "printer."])
        .network(&[LOOPBACK, ETC, HOSTS]),
    Situation::new("spellings of an address", "names.each", SPELLINGS).network(&[LOOPBACK, ETC, HOSTS]).long(),
    lookups("a resolver's answer", "names.looked_up", &[
        "good", "both", "second", "many", "nowhere-first", "unreachable-first", "prohibited-first", "dropped-first",
        "zero", "multicast", "broadcast", "broadcast-first", "mapped", "local", "half-refused", "unknown", "failing",
        "refusing", "empty", "cut",
    ]),
    lookups("a resolver that hangs", "names.abandoned", &[]),
    lookups("a resolver that is slow or lies", "names.looked_up", &[
        "slow", "half-silent", "noise", "stranger", "silent",
    ])
    .long(),
    lookups("a name that moves", "names.moved", &[]).long(),
    // Time.
    late("a frame longer than every limit", &["busy"]),
    late("stopped for longer than every limit", &["stopped"]),
    // Descriptors.
    few("64 descriptors, 10 files open", &["64", "10"]).setup(&["ulimit -Sn 64"]).long(),
    few("256 descriptors, 60 files open", &["256", "60"]).setup(&["ulimit -Sn 256"]),
    few("1024 descriptors, 40 files open", &["1024", "40"]).setup(&["ulimit -Sn 1024"]).long(),
    // Folders.
    folder("a folder").mounts(&[BOX]).long(),
    folder("a folder that somebody has locked").mounts(&[BOX]).through("flock -o $BOX"),
    folder("a folder that somebody shares a lock of").mounts(&[BOX]).through("flock -s -o $BOX").long(),
    folder("a read-only folder").mounts(&[BOX, "mount -t tmpfs -o ro none $BOX"]),
    folder("a folder that is full").mounts(&[BOX, "mount -t tmpfs -o nr_inodes=1 none $BOX"]),
    folder("a folder with room for one file").mounts(&[BOX, "mount -t tmpfs -o nr_inodes=2 none $BOX"]).long(),
    nobody("another user").mounts(&[BOX, NOBODY, "rm $BOX/left.sock"]),
    nobody("another user, a sticky folder").mounts(&[BOX, "chmod 1777 $BOX", NOBODY]),
    nobody("another user, a folder that may not be listed").mounts(&[BOX, NOBODY, "chmod 733 $BOX; rm $BOX/left.sock"]),
    nobody("another user, a folder that may not be written to").mounts(&[BOX, NOBODY, "chmod 755 $BOX"]).long(),
    Situation::new("another user's socket that all may use", "folders.connect_to", &["box/served.sock"])
        .mounts(&[BOX, NOBODY, "chmod 666 $BOX/served.sock"])
        .through(AS_NOBODY).long(),
    Situation::new("another user's socket that none may use", "folders.connect_to", &["box/served.sock"])
        .mounts(&[BOX, NOBODY, "chmod 600 $BOX/served.sock"])
        .through(AS_NOBODY),
    // System calls that the kernel withholds.
    denied("accept4 is not permitted", "$DENIED accept4=EPERM --"),
    denied("accept4 is missing", "$DENIED accept4=ENOSYS --").long(),
    denied("epoll_create1 is not permitted", "$DENIED epoll_create1=EPERM --"),
    denied("epoll_ctl is not permitted", "$DENIED epoll_ctl=EPERM --").long(),
    denied("epoll_wait is not permitted", "$DENIED epoll_wait=EPERM epoll_pwait=EPERM --").long(),
    denied("eventfd2 is not permitted", "$DENIED eventfd2=EPERM --").long(),
    denied("eventfd2 is missing", "$DENIED eventfd2=ENOSYS --").long(),
    denied("fchmodat is not permitted", "$DENIED fchmodat=EPERM --").long(),
    denied("fchmodat2 is not permitted", "$DENIED fchmodat2=EPERM --").long(),
    denied("fchmod is not permitted", "$DENIED fchmod=EPERM --").long(),
    denied("flock is missing", "$DENIED flock=ENOSYS --"),
    denied("statx is missing", "$DENIED statx=ENOSYS --").long(),
    denied("statx is not permitted", "$DENIED statx=EPERM --").long(),
    denied("getrandom is missing", "$DENIED getrandom=ENOSYS --").long(),
    denied("getsockname is not permitted", "$DENIED getsockname=EPERM --").long(),
    denied("getpeername is not permitted", "$DENIED getpeername=EPERM --").long(),
    denied("getsockopt is not permitted", "$DENIED getsockopt=EPERM --").long(),
    denied("setsockopt is not permitted", "$DENIED setsockopt=EPERM --"),
    denied("getrlimit is not permitted", "$DENIED prlimit64=EPERM --").long(),
    denied("shutdown is not permitted", "$DENIED shutdown=EPERM --").long(),
    denied("ppoll is missing", "$DENIED ppoll=ENOSYS --").long(),
    denied("descriptors cannot be duplicated", "$DENIED fcntl:1:1030=EPERM dup=EPERM --").long(),
    denied("receives with flags are refused", "$DENIED recvfrom:3:2/2=EINVAL recvfrom:3:64/64=EINVAL --")
        .long(),
    denied("peer credentials are not to be had", "$DENIED getsockopt:2:17=EPERM --").long(),
];
