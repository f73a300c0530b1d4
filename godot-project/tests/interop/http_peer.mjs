// A client of an HTTP server: Node's fetch, which is undici. Prints one line of JSON.
// Usage: http_peer.mjs PORT

const base = `http://127.0.0.1:${process.argv[2]}`
const numbers = Array.from({ length: 200 }, (_, number) => number)

// Many requests, over as few connections as undici likes.
const answers = await Promise.all(numbers.map(async number => {
	const body = "x".repeat(number * 10)
	const response = await fetch(`${base}/echo`, { method: "POST", body })
	return await response.text() === body
}))

// A body of unknown length.
async function * pieces () {
	for (let number = 0; number < 100; number++) yield new Uint8Array(1000).fill(number)
}
const streamed = await fetch(`${base}/stream`, { method: "POST", body: pieces(), duplex: "half" })
const bytes = new Uint8Array(await streamed.arrayBuffer())

// A stream that is cut off by the client.
const aborting = new AbortController()
const events = await fetch(`${base}/events`, { signal: aborting.signal })
const reader = events.body.getReader()
const first = new TextDecoder().decode((await reader.read()).value)
aborting.abort()

const etag = (await fetch(`${base}/file`)).headers.get("etag")
const again = await fetch(`${base}/file`, { headers: { "if-none-match": etag } })

console.log(JSON.stringify([
	answers.every(answer => answer), bytes.length, bytes[99_999], first.split("\n")[0], again.status,
]))
process.exit(0)
