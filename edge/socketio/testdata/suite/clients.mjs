import { equal } from "./check.mjs";

// Clients opens clients of one version on the transports under test, and closes them all at the end of a test. What the versions
// call differently is called the same here.
export class Clients {
  #sockets = [];
  #options;

  constructor({ io, url, version, transports = "default", forceBase64 = false }) {
    Object.assign(this, { io, url, transports, forceBase64 });
    const [major, minor] = version.split(".").map(Number);
    this.generation = major; // 2 speaks Engine.IO 3; 3 and 4 speak Engine.IO 4
    this.recovers = major > 4 || (major === 4 && minor >= 6);
    this.inBrowser = typeof window !== "undefined";
    this.#options = {
      forceNew: true,
      forceBase64,
      reconnectionDelay: 20,
      reconnectionDelayMax: 50,
      ...(transports === "default" ? {} : { transports: [transports] }),
    };
  }

  // open joins a namespace on a connection of its own. The path may have a query.
  open(path = "/", more = {}) {
    return this.#keep(this.io(this.url + path, { ...this.#options, ...more }));
  }

  // connected is open, and waits for the answer.
  async connected(path, more) {
    const socket = this.open(path, more);
    await next(socket, "connect");
    return socket;
  }

  // share joins several namespaces on one connection.
  share(...namespaces) {
    const manager = new this.io.Manager(this.url, this.#options);
    return namespaces.map(([name, more]) => this.#keep(manager.socket(name, more)));
  }

  // wish says something to the server's decision on a connect: from 3.x on in the auth payload; 2.x has only the query for it.
  wish(what) {
    return this.generation === 2 ? { query: what } : { auth: what };
  }

  // binary makes binary data of the kind that is usual with the library. 2.x knows no typed arrays unless there is other data with them.
  binary(bytes) {
    const data = Uint8Array.from(bytes);
    if (this.generation > 2) return data;
    return this.inBrowser ? data.buffer : Buffer.from(data);
  }

  // refusal waits for a namespace's "no". In 2.x it is what the server said; from 3.x on an Error.
  async refusal(socket) {
    return (await next(socket, this.generation === 2 ? "error" : "connect_error"))[0];
  }

  // settled waits until a connection is on the transport on which it is to stay.
  async settled(socket) {
    const last = this.transports === "default" ? "websocket" : this.transports;
    await until(() => socket.io.engine.transport.name === last);
    equal(await ask(socket, "ask", "settled"), ["settled"]);
  }

  close() {
    for (const socket of this.#sockets.splice(0)) socket.disconnect();
  }

  #keep(socket) {
    this.#sockets.push(socket);
    return socket;
  }
}

// next waits for an event and gives its arguments.
export function next(socket, event) {
  return new Promise((done) => socket.once(event, (...args) => done(args)));
}

// ask emits an event and gives the arguments of its acknowledgement.
export function ask(socket, event, ...args) {
  return new Promise((done) => socket.emit(event, ...args, (...answer) => done(answer)));
}

export async function until(holds) {
  while (!(await holds())) await pause(2);
}

export function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

// numbers gives from, from + 1, … up to but not including to.
export function numbers(from, to) {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
