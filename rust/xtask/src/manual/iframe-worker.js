// Browsers start no workers for a page that was opened as a file, and the search of the site is a
// worker. Its script then runs in a hidden frame instead. The search knows this class by its name.
if (location.protocol === "file:") {
	class IFrameWorker extends EventTarget {
		constructor(url) {
			super();
			const frame = document.createElement("iframe");
			frame.hidden = true;
			document.body.append(frame);
			this.inner = frame.contentWindow;
			const load = (source) => new Promise((resolve) => {
				const script = this.inner.document.createElement("script");
				script.src = source;
				script.onload = resolve;
				this.inner.document.body.append(script);
			});
			this.inner.postMessage = (data) => {
				const event = new MessageEvent("message", { data });
				this.dispatchEvent(event);
				this.onmessage?.(event);
			};
			this.inner.importScripts = async (...sources) => {
				for (const source of sources) await load(source);
			};
			this.ready = load(url);
		}

		async postMessage(data) {
			await this.ready;
			this.inner.dispatchEvent(new MessageEvent("message", { data }));
		}
	}
	window.IFrameWorker = IFrameWorker;
	window.Worker = IFrameWorker;
}
