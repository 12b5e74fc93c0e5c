// Unmodified socket.io-client sockets, of today's version, of the one between or of the oldest that counts, steered by JSON lines on standard input; what they
// hear is told by JSON lines on standard output.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import middleIO from "client-3.1";
import oldIO from "client-2.2";

const sockets = new Map();
const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const newer = (io) => (url, options, hear) => {
  const socket = io(url, options);
  socket.on("connect_error", (e) => hear("connect_error", e.message, e.data ?? null));
  socket.onAny(hear);
  return socket;
};

const connect = {
  today: newer(io),
  middle: newer(middleIO),
  // 2.2.0 has no auth, no onAny, and tells of a refusal by "error".
  old(url, { auth, ...options }, hear) {
    const socket = oldIO(url, { ...options, query: { ...options.query, ...auth } });
    socket.on("error", (message) => hear("connect_error", message, null));
    const { onevent } = socket;
    socket.onevent = function (packet) {
      hear(...packet.data);
      onevent.call(this, packet);
    };
    return socket;
  },
};

const commands = {
  connect({ c, url, library, options }) {
    const hear = (event, ...args) => {
      if (typeof args.at(-1) === "string" && typeof args[0] === "object") args.pop(); // the offset: of the server's events none else ends in a text
      if (event !== "cursor") tell({ c, event, args });
    };
    const socket = connect[library](url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options }, hear);
    sockets.set(c, socket);
    socket.on("connect", () => hear("connect", socket.id, socket.io.engine.transport.name));
    socket.on("disconnect", (reason) => hear("disconnect", reason));
  },
  emit({ c, event, args, ack }) {
    const socket = sockets.get(c);
    if (ack === undefined) {
      socket.emit(event, ...args);
      return;
    }
    const late = setTimeout(() => tell({ c, ack, error: "no ack", args: [] }), 60000);
    socket.emit(event, ...args, (...answer) => {
      clearTimeout(late);
      tell({ c, ack, args: answer });
    });
  },
  close({ c }) {
    sockets.get(c).disconnect();
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
