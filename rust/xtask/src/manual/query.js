// The search looks for each word of a query as the beginning of a word: "to" would find "tool", and
// "migrate" would not find "migrating". So it gets a query without words that carry no meaning, and
// without some endings.
const MEANINGLESS = new Set((
	"a am an and any are as at be but by can did do does for from get has have how i if in into is it its make my no not of on " +
	"or so that the then there this to use using was what when where which while who why will with without you your"
).split(" "));
const ENDING = /^([a-z]{4,})(?:ing|ed)$|^([a-z]{5,})(?:es|e|s)$/;
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...rest) {
	// The theme's message of type 2 is a query. A query in quotes is exact.
	if (message.type === 2 && !message.data.includes("\"")) {
		const words = message.data.replaceAll("?", " ").trim().split(/\s+/);
		const kept = words.filter((word) => !MEANINGLESS.has(word.toLowerCase()));
		const cut = (kept.length ? kept : words).map((word) => word.replace(ENDING, "$1$2"));
		message = { ...message, data: cut.join(" ") };
	}
	return post.call(this, message, ...rest);
};
