# Drives real browsers, headless, with nothing but Python: Chromium by its debugging pipe, Firefox by Marionette.
import base64
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time

LIMIT_S = 90


class BrowserError(Exception):
    pass


def wait_for(what, is_there, limit_s=LIMIT_S):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        found = is_there()
        if found:
            return found
        time.sleep(0.05)
    raise BrowserError(f"waited {limit_s} s for {what}")


class Browser:
    """What the tests ask of a browser. A page is opened by open(); run() gives the value of a JavaScript function's body."""

    def __init__(self, program):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="slabrec-browser-")
        self.process = None

    def close(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def save(self, path, text):
        with open(path, "wb") as file:
            file.write(base64.b64decode(text))

    def ready(self):
        wait_for("the explorer", lambda: self.run("return document.getElementById('explorer').dataset.ready"))


class Chromium(Browser):
    name = "chromium"
    programs = ("chromium", "chromium-browser", "google-chrome")
    keys = {"Enter": (13, "\r"), "Escape": (27, ""), "Backspace": (8, ""), "Tab": (9, ""), "ArrowUp": (38, ""), "ArrowDown": (40, ""),
            "ArrowLeft": (37, ""), "ArrowRight": (39, ""), "End": (35, "")}

    def __init__(self, program, size=(1280, 900)):
        super().__init__(program)
        their_in, self.out = os.pipe()
        self.into, their_out = os.pipe()

        def handles():
            # Both may be 3 or 4 already.
            first, second = os.dup(their_in), os.dup(their_out)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--hide-scrollbars",
             "--no-first-run", "--disable-background-networking", f"--user-data-dir={self.folder}/profile", f"--window-size={size[0]},{size[1]}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=handles, close_fds=False)
        os.close(their_in)
        os.close(their_out)
        self.number, self.buffer, self.session, self.console = 0, b"", None, []
        target = wait_for("a page", self.first_page)
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)

    def first_page(self):
        pages = [target for target in self.call("Target.getTargets")["targetInfos"] if target["type"] == "page"]
        return pages and pages[0]["targetId"]

    def receive(self):
        end = time.monotonic() + LIMIT_S
        while b"\0" not in self.buffer:
            if not select.select([self.into], [], [], max(0, end - time.monotonic()))[0]:
                raise BrowserError("Chromium does not answer")
            got = os.read(self.into, 1 << 20)
            if not got:
                raise BrowserError("Chromium is gone")
            self.buffer += got
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        while True:
            answer = self.receive()
            if answer.get("method") == "Runtime.consoleAPICalled":
                self.console.append(json.dumps(answer["params"]["args"])[:300])
            elif answer.get("method") == "Runtime.exceptionThrown":
                self.console.append(json.dumps(answer["params"]["exceptionDetails"])[:600])
            elif answer.get("method") == "Log.entryAdded":
                self.console.append(answer["params"]["entry"]["text"][:300])
            if answer.get("id") != self.number:
                continue
            if "error" in answer:
                raise BrowserError(f"{method}: {answer['error']}")
            return answer["result"]

    def open(self, url):
        self.console = []
        self.call("Page.navigate", url=url)
        wait_for(url, lambda: self.run("return document.readyState") == "complete" and self.run("return location.href").split("#")[0] == url.split("#")[0])

    def run(self, body):
        result = self.call("Runtime.evaluate", expression="(async function () {" + body + "\n})()", returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise BrowserError(json.dumps(result["exceptionDetails"])[:800])
        return result["result"].get("value")

    def drag(self, x, y, to_x, to_y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", clickCount=1)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=to_x, y=to_y, button="left", buttons=1)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=to_x, y=to_y, button="left", clickCount=1)

    def click(self, x, y):
        self.drag(x, y, x, y)

    def press(self, key):
        code, text = self.keys.get(key, (ord(key[0].upper()), key))
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, text=text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def media(self, **features):
        self.call("Emulation.setEmulatedMedia", features=[{"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def scripts(self, are_on):
        self.call("Emulation.setScriptExecutionDisabled", value=not are_on)

    def screenshot(self, path, whole=False):
        self.save(path, self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def pdf(self, path):
        self.save(path, self.call("Page.printToPDF", printBackground=True)["data"])

    def in_frame(self, name):
        """The texts of the elements of that class in a frame, read without a script: in its process or in one of its own."""
        own = self.session
        found = self.texts(name)
        for target in self.call("Target.getTargets")["targetInfos"]:
            if target["type"] != "iframe" or found:
                continue
            frame = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
            self.session = frame
            found = self.texts(name)
            self.session = own
            self.call("Target.detachFromTarget", sessionId=frame)
        return found

    def texts(self, name):
        found = []

        def text_of(node):
            return node.get("nodeValue", "") + "".join(text_of(child) for child in node.get("children", []))

        def walk(node):
            attributes = node.get("attributes", [])
            if name in dict(zip(attributes[::2], attributes[1::2])).get("class", "").split():
                found.append(text_of(node))
            for child in node.get("children", []) + [node[part] for part in ("contentDocument",) if part in node]:
                walk(child)

        walk(self.call("DOM.getDocument", depth=-1, pierce=True)["root"])
        return found


class Firefox(Browser):
    name = "firefox"
    programs = ("firefox-esr", "firefox")
    keys = {"Enter": "\ue007", "Escape": "\ue00c", "Backspace": "\ue003", "Tab": "\ue004", "ArrowUp": "\ue013", "ArrowDown": "\ue015",
            "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "End": "\ue010"}

    def __init__(self, program, size=(1280, 900), scripts=True, dark=False):
        super().__init__(program)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        preferences = {"marionette.port": self.port, "javascript.enabled": scripts, "layout.css.prefers-color-scheme.content-override": 0 if dark else 1,
                       "app.update.auto": False, "browser.shell.checkDefaultBrowser": False, "datareporting.policy.dataSubmissionEnabled": False,
                       "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False, "toolkit.telemetry.enabled": False}
        with open(os.path.join(self.folder, "user.js"), "w", encoding="ascii") as file:
            file.writelines(f'user_pref("{name}", {json.dumps(value)});\n' for name, value in preferences.items())
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen([program, "--headless", "--marionette", "--no-remote", "--profile", self.folder, f"--width={size[0]}", f"--height={size[1]}"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={**os.environ, "HOME": self.folder})
        self.number, self.buffer = 0, b""
        self.socket = wait_for("Firefox", self.connect)
        self.socket.settimeout(LIMIT_S)
        self.receive()
        self.call("WebDriver:NewSession", capabilities={})
        self.call("WebDriver:SetWindowRect", width=size[0], height=size[1] + 85)

    def connect(self):
        try:
            return socket.create_connection(("127.0.0.1", self.port), 2)
        except OSError:
            return None

    def receive(self):
        while b":" not in self.buffer:
            self.more()
        size, rest = self.buffer.split(b":", 1)
        while len(rest) < int(size):
            self.more()
            rest = self.buffer.split(b":", 1)[1]
        self.buffer = rest[int(size):]
        return json.loads(rest[:int(size)])

    def more(self):
        got = self.socket.recv(1 << 20)
        if not got:
            raise BrowserError("Firefox is gone")
        self.buffer += got

    def call(self, method, **params):
        self.number += 1
        data = json.dumps([0, self.number, method, params])
        self.socket.sendall(f"{len(data.encode())}:{data}".encode())
        _, _, error, result = self.receive()
        if error:
            raise BrowserError(f"{method}: {error.get('message')}")
        return result

    def open(self, url):
        self.call("WebDriver:Navigate", url=url)

    def run(self, body):
        return self.call("WebDriver:ExecuteScript", script=body, args=[], sandbox=None)["value"]

    def actions(self, *actions):
        self.call("WebDriver:PerformActions", actions=list(actions))

    def drag(self, x, y, to_x, to_y):
        self.actions({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": [
            {"type": "pointerMove", "x": int(x), "y": int(y), "duration": 0}, {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "x": int(to_x), "y": int(to_y), "duration": 20}, {"type": "pointerUp", "button": 0}]})

    def click(self, x, y):
        self.drag(x, y, x, y)

    def press(self, key):
        key = self.keys.get(key, key)
        self.actions({"type": "key", "id": "keys", "actions": [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]})

    def screenshot(self, path, whole=False):
        self.save(path, self.call("WebDriver:TakeScreenshot", full=whole)["value"])

    def pdf(self, path):
        self.save(path, self.call("WebDriver:Print", background=True)["value"])

    def in_frame(self, name):
        """The texts of the elements of that class in the first frame."""
        self.call("WebDriver:SwitchToFrame", id=0)
        found = self.call("WebDriver:FindElements", using="css selector", value="." + name)
        texts = [self.call("WebDriver:GetElementText", id=list(element.values())[0])["value"] for element in found]
        self.call("WebDriver:SwitchToFrame", id=None)
        return texts


def find(kind):
    for program in kind.programs:
        path = shutil.which(program)
        if path:
            return path
    return None
