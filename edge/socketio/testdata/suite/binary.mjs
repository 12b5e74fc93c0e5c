import { equal } from "./check.mjs";
import { ask, next, numbers } from "./clients.mjs";

// Binary data: alone, nested, several, empty, large; in events and acknowledgements, up and down.
export default (c) => ({
  async "binary events"() {
    const socket = c.open();
    for (const [what, args, wanted = args] of [...kinds(c), ...shapes(c)]) {
      const back = next(socket, "echo");
      socket.emit("echo", ...args);
      equal(await back, wanted, what);
    }
  },

  async "binary acks both ways"() {
    const socket = c.open();
    let answer;
    socket.on("question", (...args) => {
      const answered = args.pop();
      equal(args, answer, "the question");
      answered(...answer);
    });
    for (const [what, args] of shapes(c)) {
      equal(await ask(socket, "ask", ...args), args, `${what} in the client's ack`);
      answer = args;
      const answered = next(socket, "answered");
      socket.emit("call", ...args);
      equal(await answered, args, `${what} in the server's ack`);
    }
  },

  async "300 kB of binary"() {
    const socket = c.open();
    // 2.x in browsers puts the bytes on its call stack to make base64 of them.
    const large = c.binary(count(c.generation === 2 && c.inBrowser && c.forceBase64 ? 30_000 : 300_000));
    const back = next(socket, "echo");
    socket.emit("echo", large, { again: large });
    equal(await back, [large, { again: large }]);
    equal(await ask(socket, "ask", large), [large]);
    await c.settled(socket);
    equal(await ask(socket, "ask", large), [large]);
  },

  async "binary events in a second namespace"() {
    const socket = c.open("/other");
    const back = next(socket, "echo");
    socket.emit("echo", 1, c.binary(count(5)));
    equal(await back, [1, count(5)]);
    equal(await ask(socket, "ask", [c.binary(count(6))]), [[count(6)]]);
  },
});

// count makes so many bytes, of all values.
function count(length) {
  return Uint8Array.from({ length }, (_, i) => i ^ (i >> 8));
}

// kinds yields what the library takes for binary data: [name, arguments, what must come back].
function* kinds(c) {
  const bytes = count(300);
  yield ["ArrayBuffer", [bytes.buffer], [bytes]];
  if (c.inBrowser) yield ["Blob", [new Blob([bytes])], [bytes]];
  else yield ["Buffer", [Buffer.from(bytes)], [bytes]];
  if (c.generation === 2) return; // typed arrays are none to it
  yield ["Uint8Array", [bytes], [bytes]];
  const floats = new Float64Array([0, Math.PI, -1e300]);
  yield ["Float64Array", [floats], [new Uint8Array(floats.buffer)]];
  if (c.inBrowser && c.generation === 3) return; // it sends the whole of the buffer that an array is a part of
  yield ["part of a buffer", [bytes.subarray(100, 200)], [bytes.slice(100, 200)]];
}

// shapes yields ways to put binary data into arguments: [name, arguments].
function shapes(c) {
  const data = (length) => c.binary(count(length));
  const shapes = [
    ["alone", [data(10)]],
    ["among others", ["a", data(3), null, data(4), 5]],
    ["nested", [{ file: { name: "x", parts: [data(1), { data: data(2) }] } }, [[data(3)]]]],
    ["an empty one", [data(0)]],
    ["empty ones among others", [data(0), "between", { none: data(0), some: data(1) }]],
    ["ten", numbers(1, 11).map(data)], // as many as servers take
  ];
  // The bundles up to 3.x take any _placeholder for one.
  if (!c.inBrowser || c.generation > 3) shapes.push(["beside what looks like it", [{ _placeholder: "no", num: -1 }, data(7)]]);
  return shapes;
}
