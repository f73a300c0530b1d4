// A client or a server with ws of Node.js, as websocket_peer.py is with Python's websockets.
"use strict";

const { WebSocket, WebSocketServer } = require("ws");

const DEFLATE = { threshold: 0 };

function client(url) {
	const socket = new WebSocket(url, ["a", "b"], { perMessageDeflate: DEFLATE });
	const messages = [];
	for (const size of [0, 1, 125, 126, 127, 65535, 65536, 1 << 20]) {
		messages.push(Buffer.alloc(size, 7), "é".repeat(size >> 1));
	}
	let index = 0;
	socket.on("open", () => socket.send(messages[0]));
	socket.on("message", (data, isBinary) => {
		const sent = Buffer.from(messages[index]);
		if (!sent.equals(data) || isBinary !== (typeof messages[index] !== "string")) {
			throw new Error(`message ${index} differs`);
		}
		index += 1;
		if (index < messages.length) {
			socket.send(messages[index]);
			return;
		}
		const compressed = socket.extensions ? "compressed" : "plain";
		console.log(`${socket.protocol} ${compressed} ok`);
		socket.close(4001, "that was all ✓");
	});
}

function server() {
	const options = { host: "127.0.0.1", port: 0, perMessageDeflate: DEFLATE };
	options.handleProtocols = () => "a";
	const listening = new WebSocketServer(options);
	listening.on("listening", () => console.log(listening.address().port));
	listening.on("connection", (socket, request) => {
		socket.send(`${request.url} ${request.headers["x-test"]}`);
		socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
	});
}

if (process.argv[2] === "client") {
	client(process.argv[3]);
} else {
	server();
}
