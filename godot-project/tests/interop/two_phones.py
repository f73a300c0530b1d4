"""Two pages in headless Chromium that steer by keys, through the protocol of its developer tools.

Prints a line when both pages are ready, and a line when one steers to the right and the other one
up. Then waits for a line, and prints the JSON of what both pages show as the score.

Usage: two_phones.py CHROMIUM URL PICTURE
"""

import asyncio
import base64
import ctypes
import itertools
import json
import re
import signal
import sys
import tempfile

import aiohttp

READY = "document.getElementById('state').textContent"
SCORE = "document.getElementById('score').textContent"


class Page:
    def __init__(self, socket):
        self.socket = socket
        self.numbers = itertools.count(1)

    async def call(self, method, **parameters):
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        async for message in self.socket:
            answer = json.loads(message.data)
            if answer.get("id") == number:
                return answer["result"]

    async def text(self, expression):
        answer = await self.call("Runtime.evaluate", expression=expression)
        return answer["result"].get("value")

    async def until(self, expression, wanted):
        while (text := await self.text(expression)) != wanted:
            await asyncio.sleep(0.05)
        return text

    async def press(self, key):
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key)


def end_with_parent():
    """Chromium must not outlive a test that is stopped (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


async def main(chromium, url, picture):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--remote-debugging-port=0", f"--user-data-dir={profile}", "--window-size=400,700",
            "about:blank", stderr=asyncio.subprocess.PIPE, preexec_fn=end_with_parent)
        try:
            async with aiohttp.ClientSession() as session:
                await steer(session, process, url, picture)
        finally:
            process.kill()
            await process.wait()


async def steer(session, process, url, picture):
    found = None
    while found is None:
        line = await process.stderr.readline()
        found = re.search(rb"ws://(127\.0\.0\.1:\d+)/", line)
        if not line:
            raise RuntimeError("Chromium has ended")
    base = f"http://{found[1].decode()}/json"
    pages = []
    for _ in range(2):
        async with session.put(f"{base}/new?{url}") as answer:
            target = await answer.json(content_type=None)
        pages.append(Page(await session.ws_connect(target["webSocketDebuggerUrl"])))
        await pages[-1].call("Emulation.setFocusEmulationEnabled", enabled=True)
        await pages[-1].until(READY, "touch, or arrow keys")
    print("ready", flush=True)
    for page, key in zip(pages, ["ArrowRight", "ArrowUp"]):
        await page.call("Page.bringToFront")
        await page.press(key)
    print("steered", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await pages[0].until(SCORE, "1")
    scores = [await page.text(SCORE) for page in pages]
    # Chromium does not photograph a page behind another one.
    await pages[0].call("Page.bringToFront")
    image = await pages[0].call("Page.captureScreenshot")
    with open(picture, "wb") as file:
        file.write(base64.b64decode(image["data"]))
    print(json.dumps(scores), flush=True)


asyncio.run(main(*sys.argv[1:]))
