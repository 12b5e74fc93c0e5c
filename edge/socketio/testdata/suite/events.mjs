import { equal, ok } from "./check.mjs";
import { ask, next, numbers, pause, until } from "./clients.mjs";

// Events and acknowledgements, of text and in order.
export default (c) => ({
  async "events with every JSON type"() {
    const socket = c.open();
    const values = [
      "text", "", "\"quoted\" \\ \n\t\u0000\u001e\u2028\u2029", "<b>&amp;</b>", "ü 你好 😀 👩‍👩‍👧",
      0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER, true, false, null,
      [], [1, [2, [3, []]]], {}, { a: { b: { c: [{}] } }, "": 0, "ключ": 1 },
      { _placeholder: true, num: 0 }, // as binary data is announced, but there is none
    ];
    const back = next(socket, "echo");
    socket.emit("echo", ...values);
    equal(await back, values);
    const odd = next(socket, "echo");
    socket.emit("echo", undefined, NaN, new Date(0), [undefined], { a: undefined });
    equal(await odd, [null, null, "1970-01-01T00:00:00.000Z", [null], {}]);
    const none = next(socket, "echo");
    socket.emit("echo");
    equal(await none, []);
    // One half of a surrogate pair is no text: UTF-8 has none.
    const [half] = await ask(socket, "ask", "\ud83d");
    ok(half === "\ud83d" || half === "\ufffd", "half an emoji became " + JSON.stringify(half));
  },

  async "acks both ways"() {
    const socket = c.open();
    equal(await ask(socket, "ask", { x: [1] }), [{ x: [1] }]);
    equal(await ask(socket, "ask"), []);
    equal(await ask(socket, "ask", 1, "2", null), [1, "2", null]);
    equal(await ask(socket, "ask later", "x"), ["x"]);
    if (socket.emitWithAck) equal(await socket.emitWithAck("ask", "promised"), "promised");
    socket.on("question", (a, b, answer) => answer([a, b], "second"));
    for (const i of numbers(0, 3)) {
      const answered = next(socket, "answered");
      socket.emit("call", i, "b");
      equal(await answered, [[i, "b"], "second"]);
    }
  },

  async "300 kB of CJK and emoji"() {
    const socket = c.open();
    const text = "漢字かな交じり文😀👍🏽".repeat(9000);
    ok(new TextEncoder().encode(text).length > 300_000, "too short");
    const back = next(socket, "echo");
    socket.emit("echo", text, [text]);
    const got = await back;
    ok(got[0] === text && got[1][0] === text, "it came back changed");
    ok((await ask(socket, "ask", text))[0] === text, "it came back changed in the ack");
  },

  async "200 messages in order from the first moment"() {
    const count = 200;
    const messages = numbers(0, count).map((i) => (i % 5 === 0 ? [i, c.binary([i])] : [i]));
    // In browsers the libraries from 3.x on let packets overtake binary ones that they make base64 of for a WebSocket.
    const overtakes = c.inBrowser && c.forceBase64 && c.transports === "websocket" && c.generation > 2;
    const sent = overtakes ? messages.map(([i]) => [i]) : messages;
    const socket = c.open("/", c.wish({ greet: String(count) }));
    const down = [], greetings = [], up = [], acks = [];
    socket.on("n", (...args) => down.push(args));
    socket.on("greeting", (...args) => greetings.push(args));
    socket.on("echo", (...args) => up.push(args));
    socket.emit("burst", count); // waits in the client for its connect
    for (const message of sent) {
      socket.emit("echo", ...message);
      acks.push(ask(socket, "ask", ...message));
      if (acks.length % 20 === 0) await pause(2); // some on each side of the upgrade
    }
    equal(await Promise.all(acks), sent, "acks");
    await until(() => down.length >= count && greetings.length >= count && up.length >= count);
    equal(down, messages, "down");
    equal(greetings, messages, "down from before the connect's answer");
    equal(up, sent, "up and down again");
    await c.settled(socket);
  },
});
