# What the situations do to their sandboxes. `$PLACE` is an empty folder in which any user may
# write.

loopback() {
	ip link set lo up
}

# Starts a program on a clock that has just begun: time_namespaces(7).
just_started() {
	uptime=$(cut -d. -f1 /proc/uptime)
	unshare --time --fork --kill-child "--monotonic=-$uptime" "--boottime=-$uptime" "$@"
}

# Gives the sandbox a copy of /etc that may be changed.
own_etc() {
	cp -a /etc $PLACE/etc 2>/dev/null || true
	mount --bind $PLACE/etc /etc
	rm -f /etc/hosts /etc/resolv.conf /etc/gai.conf
}

# Names hosts, some with names that look like numbers.
hosts() {
	echo 127.0.0.1 localhost 3dprinter 4b2c557fd0ad web.1 1and1 2-cool my_host printer 10.host \
		0x7f.host büro > /etc/hosts
}

# Has names looked up at 127.0.0.1, port 53. Packets to 10.9.9.0/24 are dropped. Three hosts have no
# route. Addresses in 10.0.0.0/8 are tried first.
resolver() {
	ip route add 10.9.9.0/24 dev lo
	ip route add unreachable 10.8.1.2
	ip route add prohibit 10.8.2.2
	ip route add blackhole 10.8.3.2
	printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n' > /etc/resolv.conf
	printf 'precedence %s\n' '::ffff:10.0.0.0/104 100' '::/0 40' '::ffff:0:0/96 10' > /etc/gai.conf
	echo 'hosts: files dns' > /etc/nsswitch.conf
}

# Makes a folder for sockets.
box() {
	BOX=$PLACE/box
	mkdir $BOX
	chmod 777 $BOX
}

# Starts a program as another user.
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# Lets that user into the home folder, where Godot is, and makes the files of two sockets that are
# not that user's: `left.sock`, which nobody serves, and `served.sock`.
nobody() {
	as_nobody true
	home=$(mktemp -d)
	mount --rbind $HOME $home
	mount -t tmpfs -o mode=755 none $HOME
	for folder in $home/* $home/.[!.]*; do
		[ -d $folder ] || continue
		mkdir $HOME/${folder##*/}
		mount --rbind $folder $HOME/${folder##*/}
	done
	umount -l $home
	rmdir $home
	export HOME=$PLACE XDG_DATA_HOME=$PLACE XDG_CONFIG_HOME=$PLACE XDG_CACHE_HOME=$PLACE
	serve='IO::Socket::UNIX->new(Local => shift, Listen => 9) or die'
	perl -MIO::Socket::UNIX -e "$serve" $BOX/left.sock
	touch -d '1 minute ago' $BOX/left.sock
	perl -MIO::Socket::UNIX -e "\$kept = $serve; sleep 30" $BOX/served.sock &
	while ! [ -S $BOX/served.sock ]; do sleep 0.01; done
}
