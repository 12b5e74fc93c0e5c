import { equal, ok } from "./check.mjs";
import { ask, next, until } from "./clients.mjs";

// How a socket ends, by whose will, and how it comes back.
export default (c) => ({
  async "server-side disconnect of one namespace"() {
    const [main, other] = c.share(["/"], ["/other"]);
    await Promise.all([next(main, "connect"), next(other, "connect")]);
    const gone = next(other, "disconnect");
    other.emit("leave", false);
    equal((await gone)[0], "io server disconnect");
    equal(await ask(main, "ask", "still here"), ["still here"]);
    ok(!other.connected && main.connected, "not the right one is connected");
    other.connect(); // by hand: the library does not come back by itself
    await next(other, "connect");
    equal(await ask(other, "ask", "here again"), ["here again"]);
  },

  async "server-side disconnect of all namespaces"() {
    const [main, other] = c.share(["/"], ["/other"]);
    await Promise.all([next(main, "connect"), next(other, "connect")]);
    const engine = main.io.engine;
    const gone = Promise.all([next(main, "disconnect"), next(other, "disconnect")]);
    other.emit("leave", true);
    equal((await gone).map(([reason]) => reason), ["io server disconnect", "io server disconnect"]);
    await until(() => engine.readyState === "closed");
    main.connect();
    await next(main, "connect");
    equal(await ask(main, "ask", "here again"), ["here again"]);
  },

  async "client-side disconnect and its reason"() {
    const witness = await c.connected();
    const [main, other] = c.share(["/"], ["/other"]);
    await Promise.all([next(main, "connect"), next(other, "connect")]);
    const [first, second] = [main.id, other.id];
    const gone = next(other, "disconnect");
    other.disconnect();
    equal((await gone)[0], "io client disconnect");
    equal(await reason(witness, second), "client namespace disconnect");
    equal(await ask(main, "ask", "still here"), ["still here"]);
    main.disconnect(); // the last one takes the connection with it
    equal(await reason(witness, first), "client namespace disconnect");
  },

  async "end of a connection and its reason"() {
    const witness = await c.connected();
    const socket = await c.connected();
    const { id } = socket;
    const gone = next(socket, "disconnect");
    socket.io.engine.close(); // maybe amid an upgrade
    equal((await gone)[0], "forced close");
    await next(socket, "connect");
    equal(await reason(witness, id), "transport close");
    equal(await ask(socket, "ask", "here again"), ["here again"]);
  },

  async "reconnect when the server goes away"() {
    const socket = await c.connected();
    const before = socket.id;
    let failed = 0;
    socket.io.on("reconnect_error", () => failed++);
    const gone = next(socket, "disconnect"), last = next(socket, "echo");
    socket.emit("echo", "last");
    socket.emit("renew");
    equal(await last, ["last"]);
    equal((await gone)[0], "transport close");
    await next(socket, "connect");
    ok(failed > 0, "it was never refused: the server was not away");
    ok(socket.id !== before, "it has its former id");
    equal(await ask(socket, "ask", "here again"), ["here again"]);
    await c.settled(socket);
  },
});

// reason waits until the server knows why a socket ended.
async function reason(witness, id) {
  let why = null;
  await until(async () => ([why] = await ask(witness, "reason", id))[0] !== null);
  return why;
}
