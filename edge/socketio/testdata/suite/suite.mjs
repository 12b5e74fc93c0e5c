// One suite of tests for the socket.io-client library, versions 2.x to 4.x, against a server. It runs in Node and in browsers. In Node:
//
//   node node.mjs <url> <version> [<transports> [<forceBase64> [<pattern>]]]
//   node node.mjs http://localhost:3000 4.8
//   node node.mjs http://localhost:3000 2.2 polling true binary
//
// with a version for which package.json has an alias, "default", "polling" or "websocket", true or false, and a regular expression for
// the names of the tests. A browser opens page.html with these settings in its query; see page.mjs.
//
// Any Socket.IO server will do that has the namespaces "/" and "/other", in which it answers these events:
//
//   echo(...args)          emits echo(...args)
//   ask(...args)           acknowledges with args; so does "ask later", after a moment
//   call(...args)          emits question(...args), waits for its acknowledgement and emits answered with the arguments of that
//   burst(n)               emits n(i), or n(i, <one byte i>) where i is a multiple of five, for i from 0 to n - 1
//   me()                   acknowledges with {id: of the socket, auth: the connect's payload, token: of the handshake's query}
//   leave(all)             disconnects the socket, or all of the connection if all is true
//   reason(id)             acknowledges with the reason for which the socket of that id ended, null if it has not
//   renew()                goes away, refuses at least one connection, and comes back
//   tell(user, ...numbers) emits told(i, <one byte i>) for each number to all sockets of that user, and acknowledges; it can be replayed
//   cut(...numbers)        breaks all connections without a goodbye, and then tells the socket's user the numbers
//   forget(user)           can from now on not replay what it told that user up to here, and acknowledges
//
// What a client wants of a connect it says in auth, or, as 2.x knows no such thing, in the query; all values are strings:
//
//   refuse  connect is refused with this message and the data {code: 1, why: "<you & me>"}
//   greet   before the connect is answered, greeting is emitted so many times as n is by burst
//   user    whose socket this is
import binary from "./binary.mjs";
import { Clients } from "./clients.mjs";
import connecting from "./connecting.mjs";
import ending from "./ending.mjs";
import events from "./events.mjs";
import recovery from "./recovery.mjs";

// The longest that one test may take, in milliseconds.
const limit = 20_000;

// run runs the tests whose names match the pattern and reports each as {test, error, ms}: null for no error, and how long it took. The setting has the
// library's io function, the server's url, the library's version ("4.8"), and may have transports, forceBase64 and pattern.
export async function run(setting, report) {
  const clients = new Clients(setting);
  const pattern = new RegExp(setting.pattern ?? "");
  for (const part of [connecting, events, binary, ending, recovery]) {
    for (const [name, test] of Object.entries(part(clients))) {
      if (!pattern.test(name)) continue;
      const begin = Date.now();
      const error = await attempt(test);
      await report({ test: name, error, ms: Date.now() - begin });
      clients.close();
    }
  }
}

async function attempt(test) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`took longer than ${limit / 1000} s`)), limit);
  });
  try {
    await Promise.race([test(), late]);
    return null;
  } catch (e) {
    return String(e.stack ?? e);
  } finally {
    clearTimeout(timer);
  }
}
