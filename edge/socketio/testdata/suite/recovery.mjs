import { bytes, equal, ok } from "./check.mjs";
import { ask, next, numbers, until } from "./clients.mjs";

// Connection state recovery: what was missed while the connection was broken comes with the reconnect. Clients that do not know it
// get such events too.
export default (c) => ({
  async "events that can be replayed"() {
    const { told, tell } = await listen(c);
    await tell(0, 5);
    await until(() => told.length >= 5);
    equal(told, numbers(0, 5));
  },

  ...(c.recovers && {
    async "recovery of what was missed"() {
      const { socket, told, tell } = await listen(c);
      equal(socket.recovered, false, "recovered at the first connect");
      let count = 0;
      for (const more of [3, 4, 0, 1]) { // the last breaks begin where a recovery, then nothing, was before
        await tell(count, (count += 1));
        await until(() => told.length >= count);
        await away(socket);
        await tell(count, (count += more));
        socket.connect();
        await next(socket, "connect");
        equal(socket.recovered, true, "recovered");
        await tell(count, (count += 2));
        await until(() => told.length >= count);
        equal(told, numbers(0, count), "told");
      }
    },

    async "recovery from a cut connection"() {
      const { socket, told } = await listen(c);
      let count = 0;
      for (const settled of [false, true, false]) { // before, after and maybe while the transport is upgraded
        if (settled) await c.settled(socket);
        await ask(socket, "tell", socket.auth.user, ...numbers(count, (count += 2)));
        await until(() => told.length >= count);
        const gone = next(socket, "disconnect"), back = next(socket, "connect");
        socket.emit("cut", ...numbers(count, (count += 3))); // to be told when the server has lost us
        ok(["transport close", "transport error"].includes((await gone)[0]), "gone for another reason");
        await back;
        equal(socket.recovered, true, "recovered");
        await until(() => told.length >= count); // we may have been back before the server has lost us
        await ask(socket, "tell", socket.auth.user, ...numbers(count, (count += 1)));
        await until(() => told.length >= count);
        equal(told, numbers(0, count), "told");
      }
    },

    async "recovery after other events"() {
      const { socket, told, tell } = await listen(c);
      await tell(0, 2);
      const back = next(socket, "echo");
      socket.emit("echo", "a text that is no offset", 1);
      equal((await back).slice(0, 2), ["a text that is no offset", 1]);
      await away(socket);
      await tell(2, 4);
      socket.connect();
      await next(socket, "connect");
      equal(socket.recovered, true, "recovered");
      await until(() => told.length >= 4);
      equal(told, numbers(0, 4), "told");
    },

    async "no recovery when the server can not replay"() {
      const { socket, told, tell, witness } = await listen(c);
      await tell(0, 2);
      await until(() => told.length >= 2);
      await away(socket);
      await tell(2, 4);
      await ask(witness, "forget", socket.auth.user);
      await tell(4, 6);
      socket.connect();
      await next(socket, "connect");
      equal(socket.recovered, false, "recovered");
      await tell(6, 8);
      await until(() => told.length >= 4);
      equal(told, [0, 1, 6, 7], "told");
      await away(socket); // from here on it can
      await tell(8, 10);
      socket.connect();
      await next(socket, "connect");
      equal(socket.recovered, true, "recovered");
      await until(() => told.length >= 6);
      equal(told, [0, 1, 6, 7, 8, 9], "told");
    },
  }),
});

// listen connects a user of its own. told are the numbers that came so far, tell has somebody else send the numbers from … to - 1.
async function listen(c) {
  const user = "user " + Math.random();
  const socket = c.open("/", c.wish({ user }));
  const told = [];
  socket.on("told", (i, data) => {
    told.push(bytes(data)?.[0] === i ? i : `${i} with other data`);
  });
  const [witness] = await Promise.all([c.connected(), next(socket, "connect")]);
  const tell = (from, to) => ask(witness, "tell", user, ...numbers(from, to));
  return { socket, told, tell, witness };
}

// away breaks a connection and keeps the client from coming back by itself.
async function away(socket) {
  socket.io.reconnection(false);
  const gone = next(socket, "disconnect");
  socket.io.engine.close();
  await gone;
}
