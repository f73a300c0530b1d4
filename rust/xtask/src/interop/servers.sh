# Starts the server $1 in this process. Its files are in the current folder, and the programs are
# below $PROGRAMS. Prints the variables that the tests know it by. What ends in _PORT or _PATH
# exists when the server is ready. $PORT and $TLS_PORT are free.
set -e
folder=$PWD

start() {
	# The end of the output is the end of the variables.
	exec "$@" > "$folder/$server.log" 2>&1
}

# Makes a self-signed certificate for localhost.
certificate() {
	[ -e certificate.pem ] || "$PROGRAMS/usr/bin/openssl" req -x509 -newkey rsa:2048 -nodes -days 2 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
		-keyout key.pem -out certificate.pem 2> certificate.log
}

server=$1
case $server in
redis)
	echo "REDIS_PORT=$PORT"
	echo "REDIS_PATH=$folder/redis.sock"
	start "$PROGRAMS/usr/bin/redis-server" --bind 127.0.0.1 --port "$PORT" --save '' \
		--appendonly no --unixsocket redis.sock
	;;
nginx)
	certificate
	mkdir -p www/chunked
	head -c 67108864 /dev/urandom > www/large
	echo small > www/small
	seq -f 'line %.0f' 0 9999 > www/chunked/lines
	cat > nginx.conf <<END
daemon off; master_process off; pid nginx.pid; error_log stderr;
events { worker_connections 1000; }
http {
	access_log off; keepalive_requests 100000;
	client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
	uwsgi_temp_path temp; scgi_temp_path temp;
	server {
		listen 127.0.0.1:$PORT;
		listen 127.0.0.1:$TLS_PORT ssl;
		listen unix:$folder/nginx.sock;
		ssl_certificate $folder/certificate.pem; ssl_certificate_key $folder/key.pem;
		root $folder/www;
		# A file that may change on its way has no length in advance.
		location /chunked/ { ssi on; ssi_types *; }
	}
}
END
	echo "NGINX_PORT=$PORT"
	echo "NGINX_TLS_PORT=$TLS_PORT"
	echo "NGINX_PATH=$folder/nginx.sock"
	echo "NGINX_LARGE=$folder/www/large"
	echo "CERTIFICATE=$folder/certificate.pem"
	echo "KEY=$folder/key.pem"
	start "$PROGRAMS/usr/sbin/nginx" -e stderr -p "$folder" -c nginx.conf
	;;
tls)
	# Sends each line back, the last character first.
	certificate
	echo "TLS_PORT=$PORT"
	start "$PROGRAMS/usr/bin/openssl" s_server -rev -quiet -accept "127.0.0.1:$PORT" \
		-cert certificate.pem -key key.pem
	;;
postgresql)
	# A database for every process that may open its socket.
	version=$(ls "$PROGRAMS/usr/lib/postgresql")
	binaries=$PROGRAMS/usr/lib/postgresql/$version/bin
	mkdir -p database pg
	unprivileged=
	if [ "$(id -u)" = 0 ]; then
		# PostgreSQL refuses to run as root, so it runs as nobody. The programs may be in a folder
		# that only root may enter, by access(2), too.
		chown 65534:65534 database pg
		unprivileged="setpriv --reuid=65534 --regid=65534 --clear-groups \
			--inh-caps=+dac_read_search --ambient-caps=+dac_read_search \
			--securebits=+no_setuid_fixup"
	fi
	$unprivileged "$binaries/initdb" --auth=trust --username=tester --no-sync --no-locale \
		--encoding=UTF8 -L "$PROGRAMS/usr/share/postgresql/$version" -D "$folder/database" > initdb.log
	echo "POSTGRESQL_PATH=$folder/pg/.s.PGSQL.5432"
	start $unprivileged "$binaries/postgres" -c listen_addresses= -c fsync=off -k "$folder/pg" \
		-D "$folder/database"
	;;
mpv)
	# Plays and shows nothing, but answers commands.
	echo "MPV_PATH=$folder/mpv.sock"
	start "$PROGRAMS/usr/bin/mpv" --idle --no-config --vo=null --ao=null --no-terminal \
		"--input-ipc-server=$folder/mpv.sock"
	;;
esac
