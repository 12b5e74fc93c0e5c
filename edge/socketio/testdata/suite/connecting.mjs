import { equal, ok } from "./check.mjs";
import { ask, next } from "./clients.mjs";

// How a connection begins: ids, refusals, namespaces.
export default (c) => ({
  async connect() {
    const socket = await c.connected("/", { query: { token: "a b&c=ü" } });
    const [me] = await ask(socket, "me");
    equal(me.token, "a b&c=ü", "the query's token in the server");
    equal(me.id, socket.id, "the id in the server");
    await c.settled(socket);
  },

  async "ids of sockets"() {
    const [main, other] = c.share(["/"], ["/other"]);
    await Promise.all([next(main, "connect"), next(other, "connect")]);
    equal((await ask(main, "me"))[0].id, main.id, "the id in the server");
    equal((await ask(other, "me"))[0].id, other.id, "the id in the server");
    const engine = main.io.engine.id;
    if (c.generation === 2) {
      equal(main.id, engine);
      equal(other.id, "/other#" + engine);
    } else {
      equal([main.id.length, other.id.length], [20, 20], "lengths");
      equal(new Set([main.id, other.id, engine]).size, 3, "different ids");
    }
  },

  async "refused connect"() {
    const refused = c.open("/", c.wish({ refuse: "token not exist" }));
    const error = await c.refusal(refused);
    ok(!refused.connected, "it is connected all the same");
    if (c.generation === 2) {
      equal(error, "token not exist");
      return;
    }
    ok(error instanceof Error, "no Error");
    equal(error.message, "token not exist");
    equal(error.data, { code: 1, why: "<you & me>" });
    refused.auth = {};
    refused.connect();
    await next(refused, "connect");
  },

  async "refused connect to a second namespace"() {
    const [main, other] = c.share(["/"], ["/other", c.wish({ refuse: "not today" })]);
    const joined = next(main, "connect");
    const error = await c.refusal(other);
    equal(c.generation === 2 ? error : error.message, "not today");
    await joined;
    equal(await ask(main, "ask", "here"), ["here"]);
    other[c.generation === 2 ? "query" : "auth"] = {};
    other.connect();
    await next(other, "connect");
    equal(await ask(other, "ask", "there"), ["there"]);
  },

  async "unknown namespace"() {
    const [main, nowhere] = c.share(["/"], ["/nowhere"]);
    const joined = next(main, "connect");
    const error = await c.refusal(nowhere);
    equal(c.generation === 2 ? error : error.message, "Invalid namespace");
    await joined;
    equal(await ask(main, "ask", "here"), ["here"]);
  },

  async "second namespace"() {
    const [main, other] = c.share(["/"], ["/other", c.wish({ a: "b" })]);
    await Promise.all([next(main, "connect"), next(other, "connect")]);
    equal((await ask(other, "me"))[0].auth, { a: "b" }, "auth in the server");
    equal(await ask(main, "ask", "main"), ["main"]);
    equal(await ask(other, "ask", "other"), ["other"]);
    other.disconnect();
    equal(await ask(main, "ask", "main still"), ["main still"]);
    other.connect();
    await next(other, "connect");
    equal(await ask(other, "ask", "other again"), ["other again"]);
  },

  ...(c.generation === 2 && {
    async "query of a namespace"() {
      const socket = await c.connected("/other?a=b&c=d%20e");
      equal((await ask(socket, "me"))[0].auth, { a: "b", c: "d e" }, "auth in the server");
    },
  }),

  ...(c.inBrowser && {
    // 2.x sends credentials if nothing is said.
    async "with and without credentials"() {
      for (const withCredentials of [true, false]) {
        const socket = await c.connected("/", { withCredentials });
        await c.settled(socket);
      }
    },
  }),
});
