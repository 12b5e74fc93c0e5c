// Drives the socket.io-client library against a server: node suite.mjs <url> <transports, comma-separated, or "default">
// Prints one JSON line for each test: {"test": name, "error": message or null}.
import assert from "node:assert/strict";
import { io, Manager } from "socket.io-client";

const [url, transports] = process.argv.slice(2);
const options = {
  forceNew: true,
  reconnectionDelay: 20,
  reconnectionDelayMax: 50,
  ...(transports === "default" ? {} : { transports: transports.split(",") }),
};

const tests = {
  async connect() {
    const socket = open();
    await event(socket, "connect");
    assert.equal(socket.id.length, 20);
    assert.notEqual(socket.id, socket.io.engine.id);
    if (transports === "default") {
      await until(() => socket.io.engine.transport.name === "websocket");
    } else {
      assert.equal(socket.io.engine.transport.name, transports);
    }
    assert.deepEqual(await socket.emitWithAck("ask", 1), 1);
  },

  async "refused connect with message and data"() {
    const socket = open("/", { auth: { refuse: "token not exist" } });
    const [error] = await event(socket, "connect_error");
    assert.equal(error.message, "token not exist");
    assert.deepEqual(error.data, { code: 1, why: "<you & me>" });
    assert.equal(socket.connected, false);
    socket.auth = {};
    socket.connect();
    await event(socket, "connect");
  },

  async "unknown namespace"() {
    const socket = open("/nowhere");
    const [error] = await event(socket, "connect_error");
    assert.equal(error.message, "Invalid namespace");
  },

  async "events with every JSON type"() {
    const socket = open();
    const values = [
      "text", "", "\"quoted\" \\ \n\t\u0000\u001e\u2028\u2029", "<b>&amp;</b>", "ü 你好 😀 👩‍👩‍👧", "\ud83d",
      0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER, true, false, null,
      [], [1, [2, [3, []]]], {}, { a: { b: { c: [{}] } }, "": 0, "ключ": 1 },
    ];
    const back = event(socket, "echo");
    socket.emit("echo", ...values);
    // A lone half of a surrogate pair is no text: Go and WebSocket replace it.
    values[5] = "\ufffd";
    assert.deepEqual((await back).map((v) => (v === "\ud83d" ? "\ufffd" : v)), values);
    const odd = event(socket, "echo");
    socket.emit("echo", undefined, NaN, new Date(0), [undefined], { a: undefined });
    assert.deepEqual(await odd, [null, null, "1970-01-01T00:00:00.000Z", [null], {}]);
    const none = event(socket, "echo");
    socket.emit("echo");
    assert.deepEqual(await none, []);
  },

  async "acks both ways"() {
    const socket = open();
    socket.on("question", (a, b, answer) => answer([a, b], "second"));
    assert.deepEqual(await socket.emitWithAck("ask", { x: [1] }), { x: [1] });
    assert.deepEqual(await socket.emitWithAck("ask later", "x"), "x");
    const [all, second] = await new Promise((done) => socket.emit("ask", 1, 2, (...args) => done(args)));
    assert.deepEqual([all, second], [1, 2]);
    for (let i = 0; i < 3; i++) {
      const answered = event(socket, "answered");
      socket.emit("call", i, "b");
      assert.deepEqual(await answered, [[[i, "b"], "second"], true]);
    }
  },

  async "200 messages in order from the first moment"() {
    const socket = open("/", { auth: { greet: 200 } });
    const down = [], greetings = [], up = [];
    socket.on("n", (i) => down.push(i));
    socket.on("greeting", (i) => greetings.push(i));
    socket.on("echo", (i) => up.push(i));
    socket.emit("burst", 200); // waits in the client for its connect
    const acks = [];
    for (let i = 0; i < 200; i++) {
      socket.emit("echo", i);
      acks.push(socket.emitWithAck("ask", i));
      if (i % 20 === 0) await new Promise((done) => setTimeout(done, 1)); // some on each side of the upgrade
    }
    const wanted = Array.from({ length: 200 }, (_, i) => i);
    assert.deepEqual(await Promise.all(acks), wanted);
    await until(() => down.length === 200 && greetings.length === 200 && up.length === 200);
    assert.deepEqual(down, wanted);
    assert.deepEqual(greetings, wanted);
    assert.deepEqual(up, wanted);
    if (transports === "default") await until(() => socket.io.engine.transport.name === "websocket");
  },

  async "second namespace"() {
    const manager = new Manager(url, { ...options });
    const main = keep(manager.socket("/"));
    const other = keep(manager.socket("/other", { auth: { a: 1 } }));
    await Promise.all([event(main, "connect"), event(other, "connect")]);
    assert.notEqual(main.id, other.id);
    assert.equal(await main.emitWithAck("ask", "main"), "main");
    assert.equal(await other.emitWithAck("ask", "other"), "other");
    other.disconnect();
    assert.equal(await main.emitWithAck("ask", "main still"), "main still");
    other.connect();
    await event(other, "connect");
    assert.equal(await other.emitWithAck("ask", "other again"), "other again");
  },

  async "server-side disconnect"() {
    for (const close of [false, true]) {
      const socket = open();
      await event(socket, "connect");
      const gone = event(socket, "disconnect");
      socket.emit("leave", close);
      assert.equal((await gone)[0], "io server disconnect");
      assert.equal(socket.active, false); // the library does not come back by itself
      if (close) await until(() => !socket.io.engine || socket.io.engine.readyState === "closed");
      socket.connect();
      await event(socket, "connect");
      assert.equal(await socket.emitWithAck("ask", 1), 1);
    }
  },

  async "300 kB of CJK and emoji"() {
    const socket = open();
    const text = "漢字かな交じり文😀👍🏽".repeat(9000);
    assert.ok(Buffer.byteLength(text) > 300_000);
    const back = event(socket, "echo");
    socket.emit("echo", text, [text]);
    const got = await back;
    assert.equal(got[0], text);
    assert.deepEqual(got[1], [text]);
    assert.equal(await socket.emitWithAck("ask", text), text);
  },

  async "reconnects by itself when the server goes away"() {
    const socket = open();
    await event(socket, "connect");
    const before = socket.id;
    const last = event(socket, "echo");
    const gone = event(socket, "disconnect");
    socket.emit("echo", "last");
    await last;
    assert.equal((await fetch(url + "/renew", { method: "POST" })).status, 200);
    assert.equal((await gone)[0], "transport close");
    assert.equal(socket.active, true);
    await event(socket, "connect");
    assert.notEqual(socket.id, before);
    assert.equal(await socket.emitWithAck("ask", "again"), "again");
  },
};

const sockets = [];

function keep(socket) {
  sockets.push(socket);
  return socket;
}

function open(namespace = "/", more = {}) {
  return keep(io(url + namespace, { ...options, ...more }));
}

function event(socket, name) {
  return new Promise((done) => socket.once(name, (...args) => done(args)));
}

async function until(holds) {
  while (!holds()) await new Promise((done) => setTimeout(done, 2));
}

for (const [name, test] of Object.entries(tests)) {
  let error = null, timer;
  try {
    const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error("took longer than 15 s")), 15_000)));
    await Promise.race([test(), late]);
  } catch (e) {
    error = String(e.stack ?? e);
  }
  clearTimeout(timer);
  for (const socket of sockets.splice(0)) socket.disconnect();
  console.log(JSON.stringify({ test: name, error }));
}
process.exit(0);
